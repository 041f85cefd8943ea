// The loop filter: a correction that is added to a layer's reconstruction, prediction included, before it is
// shown and before the next layer is predicted from it.
//
//   x_hat[c](p) += sum over gates g, taps t of  gate_g(p) * weight[c][t][g] * tap_t(p)
//
// Taps are the pixel and its neighbours. Gates say how large the slopes are around the pixel, and along which
// direction. Weights are the model's own plus the model's `directions` times coefficients: whole numbers in
// the file, which an encoder chose for a region of the layer. The idea is that of adaptive loop filters in
// video codecs (C.-Y. Tsai et al., IEEE J-STSP 2013). docs/bitstream.md, section 5, has the definition.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <vector>

#include "core/size.h"
#include "core/tensor.h"
#include "image/image.h"
#include "model_file/weights.h"
#include "nn/gated_filter.h"

namespace compass {

// Pixels a side of the regions of a layer that have coefficients of their own.
inline constexpr int kFilterRegion = 256;

// A layer's regions, row by row from the top left. The last ones of a row or column may be smaller.
class FilterRegions {
 public:
  explicit FilterRegions(Size layer)
      : columns_((layer.width + kFilterRegion - 1) / kFilterRegion),
        rows_((layer.height + kFilterRegion - 1) / kFilterRegion) {}
  size_t count() const { return static_cast<size_t>(columns_) * rows_; }
  // That of pixel (x, y).
  size_t at(int x, int y) const {
    return static_cast<size_t>(y / kFilterRegion) * columns_ + x / kFilterRegion;
  }
  // Calls take(region, x, count) for the parts of `count` pixels of row y, from x on, that lie in different
  // regions; from left to right.
  template <typename Take>
  void split_row(int x, int y, int count, const Take& take) const {
    for (const int end = x + count; x < end;) {
      const int next = std::min((x / kFilterRegion + 1) * kFilterRegion, end);
      take(at(x, y), x, next - x);
      x = next;
    }
  }

 private:
  int columns_;
  int rows_;
};

// How many coefficients a layer has: [regions][directions].
inline size_t coefficient_count(const FilterWeights& filter, Size layer) {
  return filter.directions * FilterRegions(layer).count();
}

// Three rows of samples.
using PlaneRows = std::array<float*, 3>;

// A few rows of a layer, as taps and gates.
class FilterBand {
 public:
  // Writes the samples of pixels x .. x+count-1 of row y.
  using ReadRow = std::function<void(int y, int x, int count, const PlaneRows& rows)>;

  // Reads the rectangle `band` of a layer of size `picture`, with kFilterHalo pixels around it where there is
  // a picture; elsewhere the picture's edges are repeated.
  void load(Rect band, Size picture, const ReadRow& read);
  // Makes row y of the band the selected one, whose taps and gates the functions below give.
  void select_row(int y);
  Rect row() const { return {band_.x, y_, band_.width, 1}; }  // the selected one

  // Of the selected row, from the band's first pixel on.
  std::span<const float* const> taps() const { return taps_; }  // without the constant 1
  std::span<const float* const> gates() const { return gates_; }
  const float* sample(int channel) const { return taps_[centre_tap(channel)]; }  // the pixels themselves
  // out[x] = the correction of channel c at pixel first + x of the selected row, x < count, by weights
  // [3][kFilterTaps][kFilterGates]. Writes up to kFilterPadding - 1 more.
  void correct(const float* weights, int channel, int first, int count, nn::Arithmetic arithmetic,
               float* out) const;
  // The same of all colours and all sets of a filter: out[(set * 3 + channel) * stride + x].
  void correct_all(const FilterWeights& filter, int first, int count, float* out, size_t stride) const;

 private:
  float* plane_row(int plane, int y) {
    return planes_[plane].data() + static_cast<size_t>(y - band_.y + kFilterHalo) * stride_;
  }

  // Taps and gates of the selected row, from `first` on.
  struct Inputs {
    std::array<const float*, kFilterTaps - 1> taps;
    std::array<const float*, nn::kFilterGates> gates;
  };
  Inputs inputs(int first) const;

  Rect band_;
  int y_ = 0;
  size_t stride_ = 0;
  std::array<AlignedVector<float>, 4> planes_;    // R, G, B, luma; kFilterHalo around the band
  std::array<AlignedVector<float>, 3> products_;  // of luma's slopes: across, down, both
  AlignedVector<float> sums_;
  AlignedVector<float> gate_rows_;
  std::array<const float*, kFilterTaps - 1> taps_{};
  std::array<const float*, nn::kFilterGates> gates_{};
};

// Reads rows of `image`, which must outlive the result.
FilterBand::ReadRow rows_of(const Image& image);

// The filter of a rectangle of a layer: in each region the model's own weights plus coefficients times
// directions.
class LayerFilter {
 public:
  // `coefficients` are the layer's, [regions][directions].
  LayerFilter(const FilterWeights& filter, std::span<const int32_t> coefficients, Size layer, Rect part);
  // out[x] = the correction of channel c along the row that `band` has selected, which is inside the part.
  void correct(const FilterBand& band, int channel, nn::Arithmetic arithmetic, float* out) const;

 private:
  FilterRegions regions_;
  std::map<size_t, std::vector<float>> weights_;  // of the regions that the part crosses
};

}  // namespace compass
