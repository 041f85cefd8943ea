// Runs every (picture, codec, setting, sizes) once, in parallel, and remembers what came out.
#pragma once

#include <string>
#include <vector>

#include "eval/results.h"
#include "eval/run_settings.h"

namespace compass::eval {

// Fills rows and failures, in a fixed order whatever the number of jobs. Each measurement is kept in the
// cache under everything that determines it (picture content, sizes, codec, version, setting), so that an
// interrupted run goes on where it was and an unchanged codec is never run again. Failures are not kept.
// Errors: kUsage (no picture can be read, nothing to do), kIo (no cache directory), kFailure (stopped).
Result<Results> run(const RunSettings& settings);

// Where a run keeps the crop of a sample picture: a PNG file of the top layer of `sizes`. Empty: no cache.
std::string crop_path(const RunSettings& settings, const Picture& picture, const EvaluatedCodec& codec,
                      const std::string& setting, const std::vector<Size>& sizes);

}  // namespace compass::eval
