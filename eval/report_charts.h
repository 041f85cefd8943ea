// The report's charts of rate and distortion.
#pragma once

#include <string>

#include "eval/results.h"

namespace compass::eval {

// Whether a codec is the one that all others are compared with.
inline bool is_ours(const std::string& codec) {
  return codec == "compass";
}

// A section in HTML: charts of every layer of the main layout, MS-SSIM of the top one, and a legend to click
// on.
std::string rd_charts(const Results& results, const std::string& title);

}  // namespace compass::eval
