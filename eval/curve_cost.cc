#include "eval/curve_cost.h"

#include <fmt/format.h>

#include "eval/summary.h"

namespace compass::eval {

std::string seconds_text(double seconds) {
  return seconds > 0 ? fmt::format("{:.2f}", seconds) : "-";
}

MeanSeconds mean_seconds(const Curve& curve) {
  MeanSeconds mean;
  const auto count = static_cast<double>(curve.points.size());
  for (const CurvePoint& p : curve.points) {
    mean.encode += p.encode_seconds_per_mp / count;
    mean.decode += p.decode_seconds_per_mp / count;
  }
  return mean;
}

std::vector<Curve> top_curves(const Results& results, const std::string& layout) {
  std::vector<Curve> out;
  const int top = layer_count(results, layout) - 1;
  for (Curve& c : mean_curves(results.rows)) {
    if (c.key.layout == layout && c.key.layer == top) out.push_back(std::move(c));
  }
  return out;
}

}  // namespace compass::eval
