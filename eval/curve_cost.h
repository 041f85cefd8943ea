// What tables say of a curve beside rates and qualities.
#pragma once

#include <string>
#include <vector>

#include "eval/results.h"

namespace compass::eval {

// Seconds per million pixels, the mean of a curve's points.
struct MeanSeconds {
  double encode = 0;
  double decode = 0;
};
MeanSeconds mean_seconds(const Curve& curve);

// "0.35"; "-" where nothing was measured.
std::string seconds_text(double seconds);

// Curves of the top layer of a layout.
std::vector<Curve> top_curves(const Results& results, const std::string& layout);

}  // namespace compass::eval
