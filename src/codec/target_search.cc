#include "codec/target_search.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/quality_search.h"

namespace compass {
namespace {

// The share of a target that is good enough: files within two percent, and PSNR within 0.05 dB.
constexpr double kShareOfBytes = 0.985;
const double kShareOfError = std::pow(10.0, -0.1 * 0.05);

// What the target allows, as a cost that rises with the setting: bytes, or the mean squared error.
double limit_of(const Target& target, Size layer) {
  switch (target.kind) {
    case Target::Kind::kBytes:
      return target.value;
    case Target::Kind::kBitsPerPixel:
      return target.value * static_cast<double>(layer.pixels()) / 8.0;
    case Target::Kind::kPsnr:
      break;
  }
  return std::pow(10.0, -0.1 * target.value);
}

}  // namespace

// A setting is a quality in tenths, or for a PSNR what is left to the best one: its cost rises, too.
struct TargetSearch::Parts {
  Target target;
  QualitySearch search;
  double best_cost = 0.0;     // that keeps to the target
  double nearest_cost = 0.0;  // of all

  bool is_psnr() const { return target.kind == Target::Kind::kPsnr; }
  double quality_of(int setting) const { return (is_psnr() ? kQualityTenths - setting : setting) / 10.0; }
};

TargetSearch::TargetSearch(const Target& target, Size layer, double first_quality) {
  const bool psnr = target.kind == Target::Kind::kPsnr;
  const int tenths = std::clamp(static_cast<int>(std::lround(first_quality * 10.0)), 0, kQualityTenths);
  const QualitySearch search(limit_of(target, layer), psnr ? kShareOfError : kShareOfBytes,
                             psnr ? kQualityTenths - tenths : tenths, kQualityTenths);
  parts_ = std::make_unique<Parts>(Parts{target, search});
}

TargetSearch::~TargetSearch() = default;

std::optional<double> TargetSearch::next() const {
  const auto setting = parts_->search.next();
  if (!setting) return std::nullopt;
  return parts_->quality_of(*setting);
}

bool TargetSearch::tell(const Attempt& attempt) {
  constexpr double kLeastError = 1e-12;  // of a picture without any
  const double cost =
      parts_->is_psnr() ? std::max(kLeastError, std::pow(10.0, -0.1 * attempt.psnr)) : attempt.bytes;
  const int setting = *parts_->search.next();
  parts_->search.tell(setting, cost);
  if (parts_->nearest_cost == 0.0 || cost < parts_->nearest_cost) parts_->nearest_cost = cost;
  return parts_->search.best() == setting;
}

Status TargetSearch::status() const {
  if (parts_->search.best()) return {};
  const double nearest = parts_->nearest_cost;
  if (parts_->is_psnr()) {
    return Error{ErrorCode::kUsage,
                 fmt::format("the target of {:g} dB cannot be had: quality 100 gives {:.2f}",
                             parts_->target.value, -10.0 * std::log10(nearest))};
  }
  return Error{ErrorCode::kUsage,
               fmt::format("the target cannot be had: quality 0 already takes {:.0f} bytes", nearest)};
}

}  // namespace compass
