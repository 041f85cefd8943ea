#include "codec/trellis_quantiser.h"

#include <algorithm>
#include <cmath>

namespace compass {
namespace {

// Larger symbols are not looked for; with any step that a model may have they are far beyond what y ever is.
constexpr float kLargest = 30'000.0F;
constexpr float kNever = 1e30F;
// Elements after which costs are brought back to 0, before they grow beyond what floats resolve.
constexpr size_t kSettle = 32;

// How each state is reached: from two others, with a symbol of this lowest bit.
struct Arrival {
  uint8_t from[2] = {};
  uint8_t odd[2] = {};
};
constexpr std::array<Arrival, kTrellisStates> kArrivals = [] {
  std::array<Arrival, kTrellisStates> arrivals{};
  std::array<int, kTrellisStates> found{};
  for (int from = 0; from < kTrellisStates; ++from) {
    for (int odd = 0; odd < 2; ++odd) {
      const int to = kTrellisNext[from][odd];
      arrivals[to].from[found[to]] = static_cast<uint8_t>(from);
      arrivals[to].odd[found[to]++] = static_cast<uint8_t>(odd);
    }
  }
  return arrivals;
}();

// Within what symbols can be, and never NaN.
float bounded(float x) {
  return x > -kLargest ? std::min(x, kLargest) : x <= -kLargest ? -kLargest : 0.0F;
}

}  // namespace

TrellisQuantiser::TrellisQuantiser(const CdfTables& tables, TrellisLayout layout, float step)
    : costs_(tables), layout_(layout), scales_(tables.rows() / 2), step_(step) {}

void TrellisQuantiser::run(const TrellisLatents& latents, std::span<const float> weights, ThreadPool& pool,
                           std::vector<TrellisBuffers>& buffers) const {
  const auto blocks = trellis_blocks(latents.size);
  buffers.resize(pool.threads());
  pool.parallel_for(static_cast<int>(blocks.size()), [&](int i, int worker) {
    const auto [x, y, width, height] = blocks[i];
    const int m = layout_.channels;
    const PositionRows<float> y_hat =
        latents.y_hat.first == nullptr ? latents.y_hat : latents.y_hat.from(y, x, m);
    const PositionRows<const float> position_weights = latents.position_weights.first == nullptr
                                                           ? latents.position_weights
                                                           : latents.position_weights.from(y, x, 1);
    run_block({blocks[i].size(), latents.indexes.from(y, x, m), latents.targets.from(y, x, m),
               latents.means.from(y, x, m), latents.levels.from(y, x, m), y_hat, position_weights},
              weights, buffers[worker]);
  });
}

void TrellisQuantiser::run_block(const TrellisLatents& block, std::span<const float> weights,
                                 TrellisBuffers& buffers) const {
  buffers.order.load(block.indexes.first, block.indexes.stride, block.size, layout_.channels);
  const int state = find_path(block, weights, buffers);
  quantise_skipped(block, weights);
  follow_path(block, state, buffers);
}

// Elements that are not coded are 0, or an exception; its price is that of the tables' first row.
void TrellisQuantiser::quantise_skipped(const TrellisLatents& block, std::span<const float> weights) const {
  const float unit = 2.0F * step_;
  const size_t channels = layout_.channels;
  for (int y = 0; y < block.size.height; ++y) {
    const uint8_t* indexes = block.indexes.row(y);
    const float* targets = block.targets.row(y);
    const float* means = block.means.row(y);
    int32_t* levels = block.levels.row(y);
    float* y_hat = block.y_hat.first == nullptr ? nullptr : block.y_hat.row(y);
    for (int x = 0; x < block.size.width; ++x) {
      for (size_t c = 0; c < channels; ++c) {
        const size_t i = x * channels + c;
        if (indexes[i] != 0) continue;
        const float wanted = bounded((targets[i] - means[i]) / unit);
        float symbol = std::round(wanted);
        if (symbol != 0.0F) {
          const float left = wanted - symbol;
          const float here =
              block.position_weights.first == nullptr ? 1.0F : block.position_weights.row(y)[x];
          const float gain = here * weights[c] * unit * unit * (wanted * wanted - left * left);
          if (gain < costs_.of(0, static_cast<int32_t>(symbol)) - costs_.of(0, 0)) symbol = 0.0F;
        }
        levels[i] = 2 * static_cast<int32_t>(symbol);
        if (y_hat != nullptr) y_hat[i] = means[i] + unit * symbol;
      }
    }
  }
}

// Of four neighbouring symbols around x, which is in units of 2 D, and 0.
TrellisQuantiser::Best TrellisQuantiser::cheapest(int quantiser, int row, float x, float weight) const {
  const float shift = quantiser == 0 ? 0.0F : 0.5F;
  const float below = std::floor(x - shift);
  const int first = static_cast<int>(below) - 1;
  float distance = below - 1.0F + shift - x;
  Best best{{weight * x * x + costs_.of(row, 0), kNever}, {0, 0}};
  for (int i = first; i < first + 4; ++i, distance += 1.0F) {
    // The second quantiser's are -1.5, -.5, .5, 1.5, and 0 is a symbol of its own.
    const int symbol = i + (quantiser != 0 && i >= 0 ? 1 : 0);
    const float bits = weight * distance * distance + costs_.of(row, symbol);
    const int odd = symbol & 1;
    if (bits < best.bits[odd]) {
      best.bits[odd] = bits;
      best.symbols[odd] = static_cast<int16_t>(symbol);
    }
  }
  return best;
}

// The position weights by position number, or none.
std::span<const float> TrellisQuantiser::load_factors(const TrellisLatents& block,
                                                      std::vector<float>& factors) {
  factors.clear();
  if (block.position_weights.first == nullptr) return factors;
  factors.resize(kTrellisBlock * kTrellisBlock);
  for (int y = 0; y < block.size.height; ++y) {
    std::copy_n(block.position_weights.row(y), block.size.width, factors.begin() + y * kTrellisBlock);
  }
  return factors;
}

int TrellisQuantiser::find_path(const TrellisLatents& block, std::span<const float> weights,
                                TrellisBuffers& buffers) const {
  const TrellisOrder& order = buffers.order;
  if (buffers.choices.size() < order.count()) buffers.choices.resize(order.count());
  TrellisBuffers::Choice* choice = buffers.choices.data();
  const TrellisOffsets target_at(block.targets.stride, layout_.channels);
  const TrellisOffsets mean_at(block.means.stride, layout_.channels);
  const std::span<const float> factors = load_factors(block, buffers.factors);
  const float scale = 1.0F / (2.0F * step_);
  std::array<float, kTrellisStates> bits;
  bits.fill(kNever);
  bits[0] = 0.0F;
  size_t count = 0;
  for (int c = 0; c < layout_.channels; ++c) {
    const float weight = weights[c] * 4.0F * step_ * step_;
    for (const TrellisOrder::Element e : order.channel(c)) {
      const float target = block.targets.first[target_at[e.position()] + c];
      const float x = bounded((target - block.means.first[mean_at[e.position()] + c]) * scale);
      const int row = layout_.row_of(e.index());
      const float here = factors.empty() ? weight : weight * factors[e.position()];
      const Best best[2] = {cheapest(0, row, x, here), cheapest(1, row + scales_, x, here)};
      std::array<float, kTrellisStates> next;
      uint8_t second = 0;
      for (int to = 0; to < kTrellisStates; ++to) {
        const Arrival& a = kArrivals[to];
        const float bits0 = bits[a.from[0]] + best[quantiser_of(a.from[0])].bits[a.odd[0]];
        const float bits1 = bits[a.from[1]] + best[quantiser_of(a.from[1])].bits[a.odd[1]];
        next[to] = std::min(bits0, bits1);
        second |= static_cast<uint8_t>((bits1 < bits0 ? 1 : 0) << to);
      }
      bits = next;
      for (int q = 0; q < 2; ++q) std::copy_n(best[q].symbols.data(), 2, choice->symbols[q]);
      choice++->second = second;
      if (++count % kSettle == 0) {
        const float least = *std::ranges::min_element(bits);
        for (float& b : bits) b = std::min(b - least, kNever);
      }
    }
  }
  return static_cast<int>(std::ranges::min_element(bits) - bits.begin());
}

void TrellisQuantiser::follow_path(const TrellisLatents& block, int state,
                                   const TrellisBuffers& buffers) const {
  const TrellisOffsets level_at(block.levels.stride, layout_.channels);
  const TrellisOffsets mean_at(block.means.stride, layout_.channels);
  const TrellisOffsets y_hat_at(block.y_hat.stride, layout_.channels);
  const TrellisBuffers::Choice* choice = buffers.choices.data() + buffers.order.count();
  for (int c = layout_.channels - 1; c >= 0; --c) {
    const auto elements = buffers.order.channel(c);
    for (size_t i = elements.size(); i-- > 0;) {
      --choice;
      const Arrival& a = kArrivals[state];
      const int which = choice->second >> state & 1;
      state = a.from[which];
      const int quantiser = quantiser_of(state);
      const auto level = static_cast<int32_t>(level_of(quantiser, choice->symbols[quantiser][a.odd[which]]));
      const int position = elements[i].position();
      block.levels.first[level_at[position] + c] = level;
      if (block.y_hat.first == nullptr) continue;
      block.y_hat.first[y_hat_at[position] + c] =
          block.means.first[mean_at[position] + c] + step_ * static_cast<float>(level);
    }
  }
}

}  // namespace compass
