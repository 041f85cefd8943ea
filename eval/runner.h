// Runs every (picture, codec, setting, sizes) once, in parallel, and remembers what came out.
#pragma once

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "eval/codec.h"
#include "eval/grid.h"
#include "eval/results.h"

namespace compass::eval {

// A codec and what to report of it.
struct Contestant {
  std::shared_ptr<const EvaluatedCodec> codec;
  bool simulcast = true;  // kPicture only: rows of one file per size, added up
  bool single = true;     // kPicture only: rows of each file alone
};

struct RunProgress {
  int done = 0;
  int total = 0;
  int cached = 0;           // of those done, taken from earlier runs
  double seconds_left = 0;  // estimate from the codecs' times so far; negative: not known yet
  std::string current;      // what was finished last
};

struct RunSettings {
  std::vector<std::string> images;  // paths
  std::vector<Contestant> contestants;
  Grid grid;
  PictureFiles files;
  std::string cache;              // directory of earlier results; made if need be
  int jobs = 1;                   // threads
  bool perceptual = false;        // also what programs that know of eyes say (eval/perceptual.h)
  std::set<std::string> samples;  // file names of pictures of which crops are kept, see crop_path
  std::function<void(const RunProgress&)> progress;  // called under a lock, after every job
  std::function<bool()> stop;                        // asked before every job; true ends the run early
};

// Fills rows and failures, in a fixed order whatever the number of jobs. Each measurement is kept in the
// cache under everything that determines it (picture content, sizes, codec, version, setting), so that an
// interrupted run goes on where it was and an unchanged codec is never run again. Failures are not kept.
// Errors: kUsage (no picture can be read, nothing to do), kIo (no cache directory), kFailure (stopped).
Result<Results> run(const RunSettings& settings);

// Side of the square crops kept of sample pictures, and where: a PNG file of the top layer of a layout.
inline constexpr int kCropSide = 192;
std::string crop_path(const RunSettings& settings, const Picture& picture, const EvaluatedCodec& codec,
                      const std::string& setting, const std::vector<Size>& sizes);

// The most detailed square (largest sum of gradients on a coarse grid) of a picture, kCropSide or less on a
// side.
Rect crop_of(const Picture& picture);
Picture cut(const Picture& picture, Rect rect);

}  // namespace compass::eval
