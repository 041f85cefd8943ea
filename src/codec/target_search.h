// Encoding to a target: the search over qualities, whatever is encoded.
#pragma once

#include <cmath>
#include <optional>
#include <utility>

#include "codec/encoder.h"
#include "codec/meter.h"
#include "core/result.h"

namespace compass {

inline constexpr int kQualityTenths = 1000;

// What an attempt came to.
struct Attempt {
  double bytes = 0.0;  // of the file
  double psnr = 0.0;
};

// One target's search, for a layer of size `layer`.
class TargetSearch {
 public:
  TargetSearch(const Target& target, Size layer, double first_quality);
  ~TargetSearch();
  TargetSearch(const TargetSearch&) = delete;
  TargetSearch& operator=(const TargetSearch&) = delete;

  // The quality to try; none: it is done.
  std::optional<double> next() const;
  // What the last one came to. Returns whether it is the best so far.
  bool tell(const Attempt& attempt);
  // If none keeps to the target. Error: kUsage, saying what comes nearest.
  Status status() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

// Runs it: encode(quality) makes a Made, which attempt(made) measures. The best is returned.
template <typename Made, typename Encode, typename Measure>
Result<Made> search_target(TargetSearch& search, const Encode& encode, const Measure& measure) {
  std::optional<Made> best;
  while (const auto quality = search.next()) {
    Result<Made> made = encode(*quality);
    if (!made) return made;
    if (search.tell(measure(*made))) best = *std::move(made);
  }
  if (!best) return search.status().error();
  return *std::move(best);
}

}  // namespace compass
