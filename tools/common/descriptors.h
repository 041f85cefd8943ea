// File descriptors: the standard ones, those that a path names, and whether two are the same file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"

namespace compass::tools {

// To be called before anything is opened. A standard descriptor that is closed would be given to the next
// file that is opened: a message would be written into the output. Closed ones are opened on /dev/null:
// reading from standard input and writing to standard output fail there (EBADF, as if they were closed
// still), and messages to standard error vanish.
void hold_standard_descriptors();

// Whether the descriptor is open for reading or for writing.
bool can_read(int descriptor);
bool can_write(int descriptor);

// The descriptor of this process that a path stands for: 1 for /dev/stdout, 7 for /dev/fd/7 or
// /proc/self/fd/7, through symbolic links. Nothing for any other path.
std::optional<int> named_descriptor(const std::string& path);

// Which file a path or a descriptor is: device and inode, links followed. Nothing if there is none.
struct FileIdentity {
  dev_t device;
  ino_t inode;
  mode_t mode;
  dev_t special;  // the device that a device file stands for

  bool same_file(const FileIdentity& other) const { return device == other.device && inode == other.inode; }
  // Whether it keeps what is written to it, or hands it to a reader: a regular file, a block device, a pipe.
  bool holds_data() const { return S_ISREG(mode) || S_ISBLK(mode) || S_ISFIFO(mode); }
  bool is_null() const;  // /dev/null, where output and reports never meet
};
std::optional<FileIdentity> identity(int descriptor);
std::optional<FileIdentity> identity(const std::string& path);

// Writes all of it, however many pieces that takes, waiting where the descriptor is set not to. 0, or errno.
int write_all(int descriptor, std::span<const uint8_t> bytes);

// Waits until a descriptor that is set not to wait has something to read.
void wait_to_read(int descriptor);

// What messages call an input: its path, or "standard input" for "-".
std::string input_name(const std::string& path);

}  // namespace compass::tools
