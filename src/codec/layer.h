// One layer's way through the networks, tile by tile, both ways.
//
//   encoding:  x - prediction -> g_a -> y -> h_a -> z     z -> h_s -> scales, means     q = round(y - means)
//   decoding:  z -> h_s -> scales, means     q + means = y_hat -> g_s -> x_hat + prediction -> loop filter
//
// The base layer is the case without a prediction.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "codec/codec_options.h"
#include "codec/filter_fit.h"
#include "codec/loop_filter.h"
#include "codec/original.h"
#include "codec/patch.h"
#include "codec/prediction_window.h"
#include "codec/predictor.h"
#include "codec/symbol_search.h"
#include "networks/networks.h"

namespace compass {

// What is coded for a layer, what h_s says about it, and what g_s makes the picture from. Memory order
// [h,w,C].
struct LayerLatents {
  std::vector<int32_t> z;
  AlignedVector<int32_t> y;        // symbols; a decoder adds them to the means at once and has none
  AlignedVector<uint8_t> indexes;  // scale index of each element of y
  Tensor y_hat;                    // [M,h,w]; the means alone until the symbols are known; or empty
  Tensor means;                    // [M,h,w] for a search, which takes other symbols; empty otherwise
  std::vector<int32_t> steps;      // of the loop filter: [regions][directions]
};

// Rows that one thread filters at a time.
inline constexpr int kBandRows = 32;

// Rows, or columns, around a tile that networks look at, on both sides together: more than any we know needs.
inline constexpr int kHalo = 256;

// Latent positions a side of the tiles that h_s runs on. Where a model's scales are floats, encoder and
// decoder must cut alike, so that this number is part of such models' streams.
inline constexpr int kHyperSide = 128;

// Latents a side of tiles that cover `tile_side` pixels a side or a little more, in a layer of so many
// latents and pixels across.
inline int latents_a_side(int tile_side, int latents, int pixels) {
  return static_cast<int>(std::max<int64_t>(1, int64_t{tile_side} * latents / pixels));
}

// The networks of all layers: the base codec, the enhancement codec that all enhancement layers share, LIFF.
class LayerNetworks {
 public:
  // `context` must outlive the networks.
  LayerNetworks(std::shared_ptr<const Model> model, nn::Context& context);

  // How later calls predict.
  void set_prediction(PredictionKind kind) {
    if (predictor_) predictor_->set_kind(kind);
  }

  // Which layer of which pyramid a call is about.
  struct Place {
    const std::vector<Size>& sizes;  // of all layers
    int k = 0;
    float rate = 0.0F;  // position on the rate-point axis
    Size size() const { return sizes[k]; }
  };

  // The prediction of layer k >= 1 where `want` is made of it; see PredictionWindow for the rest.
  PredictionWindow window(const Place& place, Patch& below, Rect want, PredictionWindow::Passed passed);
  // Rows of layer k's prediction that its window holds at a time, of `height`; all if they are kept.
  int window_rows(int k, int height, bool kept) const;

  // y of the whole layer; `prediction` is null for the base layer.
  Tensor analyse(const Place& place, const Original& original, PredictionWindow* prediction);

  // Hyper analysis and quantisation of y, which leaves what is needed for what comes next: symbols alone,
  // y_hat to reconstruct from, or y_hat and means to search with.
  enum class Next { kCode, kReconstruct, kSearch };
  LayerLatents quantise(const Place& place, Tensor y, Next next);

  // Moves y's symbols to where layer k costs less (codec/symbol_search.h), tile by tile, and finds the loop
  // filter's steps; only if make_search() says so. Needs the means, and leaves latents.y_hat at what a
  // decoder makes of the symbols.
  void search(const Place& place, const Original& original, PredictionWindow* prediction,
              SymbolSearch& search, LayerLatents& latents);
  bool make_search() { return base_.make_adjoint() && (!enhancement_ || enhancement_->make_adjoint()); }

  // h_s: what y's symbols are to be decoded with. y_hat is left at the means.
  LayerLatents hyper_synthesise(const Place& place, std::vector<int32_t> z);

  // The reconstruction of rectangle `want`, unclamped, or as bytes into `result`, whose size is want's.
  Patch reconstruct(const Place& place, const LayerLatents& latents, PredictionWindow* prediction, Rect want);
  void reconstruct(const Place& place, const LayerLatents& latents, PredictionWindow* prediction, Rect want,
                   Rgb8Image& result);
  Rect below_footprint(const Place& place, Rect want) const;

  // Inside nn::Context::prepare: notes what encoding, or decoding, a layer will need.
  void prepare_encode(const Place& place, bool reconstruct, bool search);
  void prepare_decode(const Place& place, Rect want);

  Size latent_size(const Place& place) const { return codec(place.k).latent_size(place.size()); }
  Size hyper_size(const Place& place) const { return codec(place.k).hyper_size(place.size()); }
  CodecNetworks& codec(int k) { return k == 0 ? base_ : *enhancement_; }
  const CodecNetworks& codec(int k) const { return k == 0 ? base_ : *enhancement_; }
  Predictor& predictor() { return *predictor_; }

  // Bytes of the maps that the prediction of a tile holds at most: of a picture of size `target` from one of
  // size `below`.
  double prediction_bytes(Size below, Size target, Size tile) const;

  const Model& model() const { return *model_; }
  int threads() const { return context_.pool().threads(); }

  // Makes tiles no larger than this, for tests: a cut must not show.
  void limit_tiles(int side) {
    base_side_ = std::min(base_side_, side);
    enhancement_side_ = std::min(enhancement_side_, side);
  }

  // The model's weights, as they were read and packed for kernels: in f32 at most for Winograd's 36 points of
  // kernels of 9 values.
  double weight_bytes() const {
    const double packed = context_.compute() == nn::Element::kF32 ? 4.0 * 36.0 / 9.0 : 4.0;
    return (4.0 + packed) * static_cast<double>(model_->parameters());
  }

  // The loop filter of layer k; may be empty.
  const FilterWeights& filter(int k) const { return model_->weights(codec_of_layer(k)).filter; }

  // Pixels a side of the tiles that layer k's g_a and g_s run on.
  int tile_side(int k) const { return k == 0 ? base_side_ : enhancement_side_; }

 private:
  // Calls emit(y, x, count, samples) for every stretch of a row that `want` consists of, on any thread.
  using EmitRow = std::function<void(int y, int x, int count, const PlaneRows& samples)>;
  void reconstruct(const Place& place, const LayerLatents& latents, PredictionWindow* prediction, Rect want,
                   const EmitRow& emit);
  // The same for one tile of it; tile_ is g_s's picture of `made`.
  void emit_tile(const Place& place, Rect tile, Rect made, const HeldMap& prediction,
                 std::span<const int32_t> steps, const EmitRow& emit);
  // Calls take(band, corrections) for every row of `part`, on any thread; tile_ is g_s's picture of `made`,
  // which has `part`'s surroundings.
  using TakeCorrections = std::function<void(const FilterBand& band, const PlaneRows& corrections)>;
  void correct_rows(const Place& place, Rect part, Rect made, const HeldMap& prediction,
                    std::span<const int32_t> steps, const TakeCorrections& take);
  // Rows of tile_, which is g_s's picture of `made`, with the prediction added if there is one.
  FilterBand::ReadRow unfiltered_rows(Rect made, const HeldMap& prediction) const;
  // What g_s has to make for the loop filter to have `tile`: with a halo, whose sides are even.
  Rect unfiltered(const Place& place, Rect tile) const;
  // Calls take(tile, parameters) for the tiles of all latents.
  void hyper_synthesise(const Place& place, std::span<const int32_t> z,
                        const std::function<void(Rect tile, const HyperParameters&)>& take);
  // x_ = rectangle `pixels` of the layer's original, less the prediction, whose window must hold it.
  void read_residual(const Place& place, const Original& original, PredictionWindow* prediction, Rect pixels);
  // The tile's part of a search, and the gradient that it follows: of lambda times the squared error of the
  // tile's surroundings `pixels`, in bits, with respect to its latents.
  struct SearchTile {
    const Place& place;
    Rect latents;
    Rect pixels;
    HeldMap prediction;
    Rect residual;  // what x_ holds, `pixels` or more
  };
  // Reads the original, and moves the prediction, to where `latents` of a layer are searched.
  SearchTile look_at(const Place& place, const Original& original, PredictionWindow* prediction,
                     Rect latents);
  static Rect probed_part(Rect latents);
  // tile_ = g_s's picture of the tile.
  void synthesise(const SearchTile& tile, const Tensor& y_hat, nn::Trace* trace);
  // Of a part of the tile, whose gradient is gradient_.
  void measure_curvature(const SearchTile& tile, SymbolSearch& search, LayerLatents& latents);
  // One round on latents `at`, whose gradient is gradient_.
  void move_symbols(Rect at, int round, const SymbolSearch& search, LayerLatents& latents);
  // With `filtered`, the error is what the loop filter leaves with the steps that are best now.
  void gradient(const SearchTile& tile, const Tensor& y_hat, bool filtered, Tensor& result);
  // Adds the tile's pixels, as tile_ has them.
  void fit_filter(const SearchTile& tile, FilterFit& fit);
  FilterFit make_fit(const Place& place, FilterFit::Care care) const;
  // Where the tile has the surroundings that the loop filter looks at.
  static Rect filterable(const SearchTile& tile);
  // What encoding and decoding both run: h_s, the prediction for `want` and, with `synthesis`, g_s.
  void prepare_both_ways(const Place& place, Rect want, bool synthesis);
  std::vector<Rect> analysis_tiles(const Place& place) const;
  // Pixels whose prediction g_s and the sum need for `want`.
  Rect prediction_rect(const Place& place, Rect want) const;

  std::shared_ptr<const Model> model_;
  nn::Context& context_;
  CodecNetworks base_;
  std::unique_ptr<CodecNetworks> enhancement_;
  std::unique_ptr<Predictor> predictor_;
  int base_side_ = 0;
  int enhancement_side_ = 0;
  // Kept from tile to tile, so that a steady state allocates nothing.
  Tensor x_;
  Tensor tile_;
  Tensor error_;
  Tensor gradient_, displaced_;
  nn::Trace trace_;
  HyperParameters hyper_;
  struct FilterBuffers {
    FilterBand band;
    std::array<AlignedVector<float>, 3> samples;
    PlaneRows rows_of(int width) {
      for (auto& row : samples) row.resize(static_cast<size_t>(width) + nn::kFilterPadding);
      return {samples[0].data(), samples[1].data(), samples[2].data()};
    }
  };
  std::vector<FilterBuffers> filter_buffers_;  // one for each thread
};

}  // namespace compass
