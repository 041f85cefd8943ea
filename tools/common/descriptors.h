// File descriptors: the standard ones, those that a path names, and whether two are the same file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/result.h"

namespace compass::tools {

// Opens closed standard descriptors on /dev/null, so that no file opened later gets their numbers and has
// messages written into it. Reading standard input and writing standard output then fail with EBADF, as if
// they were still closed; messages to standard error are lost. To be called before anything is opened.
void hold_standard_descriptors();

// Whether the descriptor is open for reading or for writing.
bool can_read(int descriptor);
bool can_write(int descriptor);

// The descriptor of this process that a path stands for: 1 for /dev/stdout, 7 for /dev/fd/7 or
// /proc/self/fd/7, through symbolic links. Nothing for any other path.
std::optional<int> named_descriptor(const std::string& path);

// The identity of the file that a path or descriptor refers to: device and inode, links followed. Nothing if
// there is none.
struct FileIdentity {
  dev_t device;
  ino_t inode;
  mode_t mode;
  dev_t special;  // the device that a device file stands for

  bool same_file(const FileIdentity& other) const { return device == other.device && inode == other.inode; }
  // Whether what is written to it is kept or reaches a reader: a regular file, a block device, a pipe.
  bool holds_data() const { return S_ISREG(mode) || S_ISBLK(mode) || S_ISFIFO(mode); }
  bool is_null() const;  // /dev/null
};
std::optional<FileIdentity> identity(int descriptor);
std::optional<FileIdentity> identity(const std::string& path);

// Whether a path is anything but a directory, into which no file can be written. Error: kIo.
Status check_no_directory(const std::string& path);

// Writes all bytes, in several writes if need be, and waits where the descriptor is non-blocking. 0, or
// errno.
int write_all(int descriptor, std::span<const uint8_t> bytes);

// Waits until a non-blocking descriptor has something to read.
void wait_to_read(int descriptor);

// An input's name in messages: its path, or "standard input" for "-".
std::string input_name(const std::string& path);

}  // namespace compass::tools
