// The files of a folder that is open to the world: those beneath it, by names that hide nothing, and no
// others, whatever links say.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "serve/http.h"

namespace compass::tools::serve {

// A file, open for reading as it was when it was opened.
class OpenFile : public Body {
 public:
  explicit OpenFile(int fd, uint64_t size, int64_t changed) : fd_(fd), size_(size), changed_(changed) {}
  ~OpenFile() override;
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  uint64_t size() const override { return size_; }
  size_t read(uint64_t offset, uint8_t* out, size_t size) const override;
  // The first `count` bytes, or as many as there are. Error: kIo.
  Result<std::vector<uint8_t>> first(uint64_t count) const;
  // Another one if the file has been written meanwhile: size and time of its last change, in nanoseconds.
  std::string tag() const;

 private:
  int fd_;
  uint64_t size_;
  int64_t changed_;
};

// A file by its path, wherever it is and whatever it is called. Null if it cannot be read or is no regular
// file.
std::shared_ptr<const OpenFile> open_file(const std::string& path);

struct FolderEntry {
  std::string name;
  bool is_folder = false;
};

class Folder {
 public:
  // Error: kIo.
  static Result<Folder> open(const std::string& path);
  Folder(Folder&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Folder& operator=(Folder&&) = delete;
  ~Folder();

  // The file of that path within the folder. Null if there is none, or it may not be served: not a regular
  // file, a hidden name on the way, or a link that leads out of the folder.
  std::shared_ptr<const OpenFile> file(std::span<const std::string> path) const;
  bool is_folder(std::span<const std::string> path) const;
  // Files and folders with public names, sorted, at most `most`. Error: kIo.
  Result<std::vector<FolderEntry>> list(std::span<const std::string> path, size_t most) const;

 private:
  explicit Folder(int fd) : fd_(fd) {}
  int open_beneath(std::span<const std::string> path, int flags) const;
  int fd_ = -1;
};

}  // namespace compass::tools::serve
