#include "codec/quality_search.h"

#include <algorithm>
#include <cmath>

namespace compass {
namespace {

// How much the logarithm of a file's size rises over the whole range, before two sizes are known.
constexpr double kUsualRise = 2.0;
// After so many attempts the range that is left is halved each time.
constexpr size_t kPatience = 6;

}  // namespace

QualitySearch::QualitySearch(double limit, double share, int first, int last)
    : limit_(std::log(limit)), least_(std::log(limit * share)), first_(first), last_(last) {}

void QualitySearch::tell(int setting, double cost) {
  tried_.push_back({setting, std::log(cost)});
}

std::optional<int> QualitySearch::best() const {
  std::optional<int> found;
  for (const Tried& tried : tried_) {
    if (tried.log_cost <= limit_ && (!found || tried.setting > *found)) found = tried.setting;
  }
  return found;
}

// Of the logarithm, a setting, between the two attempts that came nearest.
double QualitySearch::slope() const {
  std::vector<Tried> nearest = tried_;
  std::ranges::sort(nearest, {}, [this](const Tried& tried) { return std::abs(tried.log_cost - limit_); });
  const double usual = kUsualRise / last_;
  if (nearest.size() < 2) return usual;
  const double rise = nearest[1].log_cost - nearest[0].log_cost;
  const double measured = rise / (nearest[1].setting - nearest[0].setting);
  return std::clamp(measured, usual / 8.0, usual * 8.0);  // against noise
}

std::optional<int> QualitySearch::next() const {
  if (tried_.empty()) return first_;
  int below = -1;         // keeps to the limit
  int above = last_ + 1;  // does not
  const Tried* nearest = &tried_.front();
  for (const Tried& tried : tried_) {
    if (tried.log_cost > limit_) {
      above = std::min(above, tried.setting);
    } else {
      if (tried.log_cost >= least_) return std::nullopt;
      below = std::max(below, tried.setting);
    }
    if (std::abs(tried.log_cost - limit_) < std::abs(nearest->log_cost - limit_)) nearest = &tried;
  }
  if (above - below <= 1) return std::nullopt;
  const double middle = (limit_ + least_) / 2.0;
  const bool halved = tried_.size() > kPatience;
  const double guess =
      halved ? (below + above) / 2.0 : nearest->setting + (middle - nearest->log_cost) / slope();
  return static_cast<int>(
      std::lround(std::clamp(guess, static_cast<double>(below + 1), static_cast<double>(above - 1))));
}

}  // namespace compass
