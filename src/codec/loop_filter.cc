#include "codec/loop_filter.h"

#include <algorithm>
#include <cmath>

#include "nn/filter_gates.h"

namespace compass {
namespace {

static_assert(kFilterTaps - 1 <= nn::kMaxFilterTaps);
static_assert(kFilterGates == nn::kFilterGates);

}  // namespace

void FilterBand::load(Rect band, Size picture, const ReadRow& read) {
  band_ = band;
  const int width = band.width + 2 * kFilterHalo;
  stride_ = static_cast<size_t>(width) + nn::kFilterPadding;
  const size_t rows = static_cast<size_t>(band.height) + size_t{2} * kFilterHalo;
  for (auto& plane : planes_) plane.resize(rows * stride_);
  for (auto& product : products_) product.resize(rows * stride_);
  sums_.resize(nn::kSlopeProducts * nn::gate_sums(static_cast<size_t>(band.width)));
  gate_rows_.resize(nn::kFilterGates * stride_);

  const int left = std::max(band.x - kFilterHalo, 0);
  const int right = std::min(band.x + band.width + kFilterHalo, picture.width);
  const int first = left - (band.x - kFilterHalo);
  for (int y = band.y - kFilterHalo; y < band.y + band.height + kFilterHalo; ++y) {
    const PlaneRows rows_of_y{plane_row(0, y), plane_row(1, y), plane_row(2, y)};
    read(std::clamp(y, 0, picture.height - 1), left, right - left,
         {rows_of_y[0] + first, rows_of_y[1] + first, rows_of_y[2] + first});
    for (float* plane : rows_of_y) {
      std::fill_n(plane, first, plane[first]);
      const int end = first + right - left;
      std::fill(plane + end, plane + stride_, plane[end - 1]);
    }
    float* l = plane_row(kLumaPlane, y);
    for (size_t x = 0; x < stride_; ++x) {
      l[x] = kFilterLuma[0] * rows_of_y[0][x] + kFilterLuma[1] * rows_of_y[1][x] +
             kFilterLuma[2] * rows_of_y[2][x];
    }
  }
  for (size_t row = 1; row + 1 < rows; ++row) {
    const size_t first_slope = row * stride_ + 1;
    nn::slope_products(planes_[kLumaPlane].data() + first_slope, static_cast<ptrdiff_t>(stride_),
                       {products_[0].data() + first_slope, products_[1].data() + first_slope,
                        products_[2].data() + first_slope},
                       static_cast<size_t>(width) - 2);
  }
}

void FilterBand::select_row(int y) {
  y_ = y;
  for (size_t t = 0; t < taps_.size(); ++t) {
    const FilterTap& tap = kFilterTapPlaces[t];
    taps_[t] = plane_row(tap.plane, y + tap.dy) + kFilterHalo + tap.dx;
  }

  // Slopes are half of a difference; means are over the window's pixels; 8 bits.
  constexpr float kScale = 255.0F * 255.0F / (4.0F * nn::kGateWindow * nn::kGateWindow);
  constexpr int kReach = static_cast<int>(nn::kGateWindow) / 2;
  const size_t first =
      static_cast<size_t>(y - band_.y + kFilterHalo - kReach) * stride_ + kFilterHalo - kReach;
  std::array<float*, nn::kFilterGates> gates;
  for (size_t g = 0; g < gates.size(); ++g) gates_[g] = gates[g] = gate_rows_.data() + g * stride_;
  nn::filter_gates({products_[0].data() + first, products_[1].data() + first, products_[2].data() + first},
                   stride_, {kScale, kFilterCalm, kFilterBusy, kFilterFloor}, sums_.data(), gates,
                   static_cast<size_t>(band_.width));
}

FilterBand::Inputs FilterBand::inputs(int first) const {
  Inputs in;
  for (size_t t = 0; t < in.taps.size(); ++t) in.taps[t] = taps_[t] + first;
  for (size_t g = 0; g < in.gates.size(); ++g) in.gates[g] = gates_[g] + first;
  return in;
}

void FilterBand::correct(const float* weights, int channel, int first, int count, nn::Arithmetic arithmetic,
                         float* out) const {
  const Inputs in = inputs(first);
  nn::gated_filter(in.taps.data(), in.taps.size(), in.gates.data(),
                   weights + static_cast<size_t>(channel) * kFilterTaps * kFilterGates, out,
                   static_cast<size_t>(count), arithmetic);
}

void FilterBand::correct_all(const FilterWeights& filter, int first, int count, float* out,
                             size_t stride) const {
  const Inputs in = inputs(first);
  nn::gated_filters(in.taps.data(), in.taps.size(), in.gates.data(), filter.set(0),
                    size_t{3} * (filter.directions + 1), out, stride, static_cast<size_t>(count));
}

FilterBand::ReadRow rows_of(const Image& image) {
  return [&image](int y, int x, int count, const PlaneRows& rows) {
    for (int c = 0; c < 3; ++c) std::copy_n(image.row(c, y) + x, count, rows[c]);
  };
}

LayerFilter::LayerFilter(const FilterWeights& filter, std::span<const int32_t> coefficients, Size layer,
                         Rect part)
    : regions_(layer) {
  const auto directions = static_cast<size_t>(filter.directions);
  for (int y = part.y; y < part.y + part.height; y += kFilterRegion - y % kFilterRegion) {
    regions_.split_row(part.x, y, part.width, [&](size_t region, int /*x*/, int /*count*/) {
      std::vector<float>& sum = weights_[region];
      sum.assign(filter.set(0), filter.set(1));
      const auto own = coefficients.subspan(region * directions, directions);
      for (size_t k = 0; k < directions; ++k) {
        if (own[k] == 0) continue;
        const float* direction = filter.set(static_cast<int>(k) + 1);
        for (int i = 0; i < kFilterWeights; ++i) sum[i] += static_cast<float>(own[k]) * direction[i];
      }
    });
  }
}

void LayerFilter::correct(const FilterBand& band, int channel, nn::Arithmetic arithmetic, float* out) const {
  const Rect row = band.row();
  regions_.split_row(row.x, row.y, row.width, [&](size_t region, int x, int count) {
    band.correct(weights_.at(region).data(), channel, x - row.x, count, arithmetic, out + (x - row.x));
  });
}

}  // namespace compass
