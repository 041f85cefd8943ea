// Reads a picture in a process of its own. Decoders of some twenty libraries work on bytes from anywhere:
// what they break is theirs alone, what they print nobody sees, and what they allocate has a limit.
#pragma once

#include <string>

#include "core/result.h"
#include "photo.h"

namespace compass::tools {

// As read_image (image_file.h): `path` or "-". The process is gone when this returns, and dies with the
// calling thread. `program` is read_picture_main.cc's, or one that speaks as it does (images/read_picture.h).
// Errors: also kFailure (it cannot be started, or is out of memory) and kBadFile (it crashed).
Result<Photo> read_in_process(const std::string& path, const ReadSettings& settings,
                              const std::string& program);

// The same by the program that belongs to this command.
Result<Photo> read_in_process(const std::string& path, const ReadSettings& settings);

}  // namespace compass::tools
