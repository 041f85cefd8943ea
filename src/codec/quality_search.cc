#include "codec/quality_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace compass {
namespace {

// How much the logarithm of a file's size rises over the whole range, before two sizes are known.
constexpr double kUsualRise = 2.0;
// After so many attempts the range that is left is halved each time.
constexpr size_t kPatience = 6;
// How far beside the place where costs pass the limit other settings are tried.
constexpr int kNear = 6;

}  // namespace

QualitySearch::QualitySearch(double limit, double share, int first, int last)
    : limit_(std::log(limit)), least_(std::log(limit * share)), first_(first), last_(last) {}

void QualitySearch::tell(int setting, double cost) {
  tried_.push_back({setting, std::log(cost)});
}

std::optional<int> QualitySearch::best() const {
  std::optional<int> found;
  double most = -std::numeric_limits<double>::infinity();
  for (const Tried& tried : tried_) {
    if (tried.log_cost > limit_ || tried.log_cost < most) continue;
    if (tried.log_cost > most || tried.setting > *found) found = tried.setting;
    most = tried.log_cost;
  }
  return found;
}

bool QualitySearch::falls_somewhere() const {
  return std::ranges::any_of(tried_, [this](const Tried& low) {
    return std::ranges::any_of(tried_, [&low](const Tried& high) {
      return high.setting > low.setting && high.log_cost < low.log_cost;
    });
  });
}

std::optional<int> QualitySearch::beside(int below, int above) const {
  if (!falls_somewhere()) return std::nullopt;
  for (int distance = 1; distance <= kNear; ++distance) {
    for (const int setting : {below - distance, above + distance}) {
      const bool known =
          std::ranges::any_of(tried_, [&](const Tried& tried) { return tried.setting == setting; });
      if (setting >= 0 && setting <= last_ && !known) return setting;
    }
  }
  return std::nullopt;
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
  if (above - below <= 1) return beside(below, above);
  const double middle = (limit_ + least_) / 2.0;
  const bool halved = tried_.size() > kPatience;
  const double guess =
      halved ? (below + above) / 2.0 : nearest->setting + (middle - nearest->log_cost) / slope();
  return static_cast<int>(
      std::lround(std::clamp(guess, static_cast<double>(below + 1), static_cast<double>(above - 1))));
}

}  // namespace compass
