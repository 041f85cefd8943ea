// What compass-lab eval is told, and what follows from it before anything is measured.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "eval/contestants.h"
#include "eval/facts.h"
#include "eval/grid.h"
#include "eval/results.h"

namespace compass::tools {

struct EvalOptions {
  std::vector<std::string> images;
  std::vector<std::string> codecs;  // empty: kDefaultCodecs, or none if there are rivals
  std::vector<std::string> rivals;
  std::vector<std::string> models;
  std::vector<std::string> qualities;
  std::vector<std::string> samples;
  std::string grid = "quick";
  std::string out = "report";
  std::string cache;
  std::vector<std::string> from;
  std::string markdown;
  std::string precision = "auto";
  eval::ShvcPrograms shvc;
  int jobs = 0;
  bool perceptual = false;
  bool quiet = false;
};

inline const std::vector<std::string> kDefaultCodecs{"compass", "single-layer", "simulcast"};

// The names that --codecs stands for.
std::vector<std::string> codec_names(const EvalOptions& options);

// Files are taken as they are, directories for the pictures in them, by name. Errors: kIo, kUsage (none).
Result<std::vector<std::string>> picture_paths(const std::vector<std::string>& images);

// File names of the pictures of which the report shows crops: those asked for, or three spread over the set.
// Error: kUsage (a name that is not among them).
Result<std::set<std::string>> sample_names(const EvalOptions& options,
                                           const std::vector<std::string>& images);

// Where measurements are kept between runs, unless told.
std::string default_cache();

// Our codec's part and the rivals: models, points of the rate axis; what is to be said of them goes into
// `facts`.
Result<eval::ContestantInputs> eval_inputs(const EvalOptions& options, const eval::Grid& grid, int threads,
                                           eval::Facts& facts);

// Costs that no picture changes: operations, and memory on the first picture. Failures are said, not fatal.
void add_costs(const EvalOptions& options, const eval::Grid& grid, const eval::ContestantInputs& inputs,
               const std::string& first_image, eval::Results& results);

}  // namespace compass::tools
