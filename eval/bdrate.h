// Bjontegaard deltas: the average distance between two rate-distortion curves.
#pragma once

#include <vector>

#include "core/result.h"

namespace compass::eval {

// One measured point. `rate` > 0 in any unit (both curves the same); `quality` in dB or any scale that rises.
struct RdPoint {
  double rate = 0;
  double quality = 0;
  bool operator==(const RdPoint&) const = default;
};
using RdCurve = std::vector<RdPoint>;

// How the curve runs between the points, log(rate) against quality.
enum class Interpolation {
  kCubic,  // one cubic polynomial, least squares: Bjontegaard, VCEG-M33 (2001)
  kPchip,  // monotone piecewise cubic (Fritsch and Carlson 1980): the JCT-VC and JVET spreadsheets'
};

struct BdValue {
  double value = 0;  // bd_rate: percent more rate than the anchor (negative: saved). bd_quality: dB gained
  double low = 0;    // the range integrated over: quality for bd_rate, log10(rate) for bd_quality
  double high = 0;
  double overlap = 0;  // that range over the shorter of the two curves' ranges, in (0,1]
};

// Curves that share less than this part of the shorter one's range are refused: the average would speak for
// almost none of the points measured.
inline constexpr double kMinOverlap = 0.25;
inline constexpr int kMinPoints = 4;

// Average rate difference in percent of `test` against `anchor` at equal quality, and average quality
// difference at equal rate. The points may come in any order. Errors (kUsage), with the reason: fewer than
// kMinPoints points, a rate that is not positive, a value that is not finite, a curve that does not rise
// strictly, too little overlap.
Result<BdValue> bd_rate(const RdCurve& anchor, const RdCurve& test, Interpolation interpolation);
Result<BdValue> bd_quality(const RdCurve& anchor, const RdCurve& test, Interpolation interpolation);

}  // namespace compass::eval
