// Which levels of y cost least together (entropy/trellis.h): a path through the trellis with the least bits
// and weighted squared error, by Viterbi's algorithm.
//
// An element may take the levels nearest to what is wanted, and 0; each is the quantiser's of the state that
// the elements before it lead to. For each state, the cheapest path to it is kept from element to element.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "codec/symbol_costs.h"
#include "core/size.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "entropy/trellis.h"

namespace compass {

// A part of an array [rows][columns][channels] whose rows are `stride` values apart.
template <typename T>
struct PositionRows {
  T* first = nullptr;
  size_t stride = 0;
  T* row(int y) const { return first + static_cast<ptrdiff_t>(y * stride); }
  // From row y and column x on.
  PositionRows from(int y, int x, int channels) const {
    return {first + y * stride + static_cast<size_t>(x) * channels, stride};
  }
};

// The latents of one rectangle. `targets` and `y_hat` may be the same array.
struct TrellisLatents {
  Size size;  // positions
  PositionRows<const uint8_t> indexes;
  PositionRows<const float> targets;  // what y_hat should be
  PositionRows<const float> means;
  PositionRows<int32_t> levels;                  // out
  PositionRows<float> y_hat;                     // out: means + step * levels; or null
  PositionRows<const float> position_weights{};  // [rows][columns]: factors of the weights; null: 1
};

// Memory for one thread.
struct TrellisBuffers {
  // What the best paths were made of, one for each coded element: by quantiser and lowest bit, the symbol;
  // and for each state, whether the second of the two states before it leads to it.
  struct Choice {
    int16_t symbols[2][2];
    uint8_t second;
  };
  TrellisOrder order;
  std::vector<Choice> choices;
  std::vector<float> factors;
};

class TrellisQuantiser {
 public:
  // `tables` are y's, of both quantisers; `step` is D.
  TrellisQuantiser(const CdfTables& tables, TrellisLayout layout, float step);

  // Finds the levels of all blocks of a rectangle that begins where a block does. `weights[c]` is what a
  // squared error of 1 in channel c costs, in bits; all above 0. `buffers` are one for each thread.
  void run(const TrellisLatents& latents, std::span<const float> weights, ThreadPool& pool,
           std::vector<TrellisBuffers>& buffers) const;
  // Of one block.
  void run_block(const TrellisLatents& block, std::span<const float> weights, TrellisBuffers& buffers) const;

 private:
  // The cheapest symbols of one quantiser for an element, by their lowest bit.
  struct Best {
    std::array<float, 2> bits;
    std::array<int16_t, 2> symbols;
  };
  Best cheapest(int quantiser, int row, float x, float weight) const;
  static std::span<const float> load_factors(const TrellisLatents& block, std::vector<float>& factors);
  void quantise_skipped(const TrellisLatents& block, std::span<const float> weights) const;
  int find_path(const TrellisLatents& block, std::span<const float> weights, TrellisBuffers& buffers) const;
  void follow_path(const TrellisLatents& block, int state, const TrellisBuffers& buffers) const;

  SymbolCosts costs_;
  TrellisLayout layout_;
  int scales_;
  float step_;
};

}  // namespace compass
