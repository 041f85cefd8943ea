// The loop filter: what is added to a layer's reconstruction, prediction included, before anybody sees it or
// predicts from it.
//
//   x_hat[c](p) += sum over gates g, taps t of  gate_g(p) * weight[c][t][g] * tap_t(p)
//
// Taps are the pixel and its surroundings; gates say how busy the picture is there, and along which
// direction. Weights are the model's own, plus `directions` of theirs times whole numbers that an encoder
// found best for the layer and the file holds. The idea is that of adaptive loop filters in video codecs
// (C.-Y. Tsai et al., IEEE J-STSP 2013). docs/bitstream.md, section 5, has the definition.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/size.h"
#include "core/tensor.h"
#include "image/image.h"
#include "model/weights.h"
#include "nn/gated_filter.h"

namespace compass {

inline constexpr int kFilterHalo = 3;  // pixels around one that its filter looks at
inline constexpr std::array<float, 3> kFilterLuma{0.299F, 0.587F, 0.114F};  // of R, G, B

// Which tap is the pixel itself, of one colour.
constexpr int centre_tap(int channel) {
  return 9 * channel + 4;
}

// Three rows of samples.
using PlaneRows = std::array<float*, 3>;

// The pixels of a few rows of a layer as the filter sees them.
class FilterBand {
 public:
  // Writes the samples of pixels x .. x+count-1 of row y.
  using ReadRow = std::function<void(int y, int x, int count, const PlaneRows& rows)>;

  // Makes `band`, of a layer of size `picture`, the part at hand; `read` is asked for it and for kFilterHalo
  // pixels around it, as far as they exist. Beyond, the picture's edges are repeated.
  void load(Rect band, Size picture, const ReadRow& read);
  // Points taps and gates at row y of the band.
  void look_at(int y);

  // Of the row looked at, from the band's first pixel on.
  std::span<const float* const> taps() const { return taps_; }  // without the constant 1
  std::span<const float* const> gates() const { return gates_; }
  const float* sample(int channel) const { return taps_[centre_tap(channel)]; }
  // out[x] = the correction of channel c, by weights [3][kFilterTaps][kFilterGates].
  void correct(const float* weights, int channel, float* out) const;

 private:
  float* row(int plane, int y) {
    return planes_[plane].data() + static_cast<size_t>(y - band_.y + kFilterHalo) * stride_;
  }

  Rect band_;
  size_t stride_ = 0;
  std::array<AlignedVector<float>, 4> planes_;    // R, G, B, luma; kFilterHalo around the band
  std::array<AlignedVector<float>, 3> products_;  // of luma's slopes: across, down, both
  AlignedVector<float> sums_;
  AlignedVector<float> gate_rows_;
  std::array<const float*, kFilterTaps - 1> taps_{};
  std::array<const float*, nn::kFilterGates> gates_{};
};

// Reads an image's rows, which must outlive what is returned.
FilterBand::ReadRow rows_of(const Image& image);

// The weights of a layer whose file holds `steps`, one for each direction: [3][kFilterTaps][kFilterGates].
std::vector<float> combined_filter(const FilterWeights& filter, std::span<const int32_t> steps);

// An encoder's choice of steps. Rows of the layer are added as they are reconstructed, then solved for.
class FilterFit {
 public:
  // `filter` must outlive the object; `bits_per_error` is what a squared error of 1 in a sample of 0..1 is
  // worth, `pixels` how many the layer has.
  FilterFit(const FilterWeights& filter, double bits_per_error, int64_t pixels);

  // Of which rows to add, every how many.
  int every() const { return every_; }

  // Sums over a row of `count` pixels; `error` is what the filter should add. One thread's own.
  struct Sums {
    std::vector<double> products;  // [directions+1][directions+1]: of corrections, the last one the error
    int64_t pixels = 0;
  };
  Sums sums_of(const FilterBand& band, const std::array<const float*, 3>& error, int count) const;
  // In a fixed order: sums of floats depend on it.
  void add(const Sums& sums);

  // The steps that cost least: bits of theirs plus error.
  std::vector<int32_t> steps() const;

 private:
  double cost(std::span<const int32_t> steps) const;
  std::vector<double> unrounded() const;
  double descend(std::vector<int32_t>& steps) const;

  const FilterWeights& filter_;
  double bits_per_error_;
  int64_t pixels_;
  int every_;
  Sums sums_;
};

}  // namespace compass
