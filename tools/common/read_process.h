// Reads a picture in a process of its own. Some twenty libraries decode bytes of any origin. If one crashes,
// only that process ends; its output is dropped, and its memory is limited.
#pragma once

#include <string>

#include "core/result.h"
#include "photo.h"

namespace compass::tools {

// As read_image (image_file.h): `path` or "-". The process is gone when this returns, and dies with the
// calling thread. `program` is that of read_picture_main.cc, or another with the same protocol
// (images/read_picture.h). Errors: also kFailure (it cannot be started, or is out of memory) and kBadFile (it
// crashed).
Result<Photo> read_in_process(const std::string& path, const ReadSettings& settings,
                              const std::string& program);

// The same with the installed program.
Result<Photo> read_in_process(const std::string& path, const ReadSettings& settings);

}  // namespace compass::tools
