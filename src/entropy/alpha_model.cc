#include "entropy/alpha_model.h"

namespace compass {
namespace {

// 0, three steps between, 255.
int level5(int v) {
  return v == 0 ? 0 : v == 255 ? 4 : 1 + v / 86;
}

// 0, fourteen steps between, 255.
int level16(int v) {
  return v == 0 ? 0 : v == 255 ? 15 : 1 + (v - 1) * 14 / 254;
}

// How large a difference is, 0..7.
int size_class(int difference) {
  const int v = std::abs(difference);
  return v < 3 ? v : v < 6 ? 3 : v < 12 ? 4 : v < 24 ? 5 : v < 64 ? 6 : 7;
}

// The same with its sign, 0..23.
int signed_class(int difference) {
  return 3 * size_class(difference) + (difference < 0 ? 0 : difference > 0 ? 2 : 1);
}

// The median of left, above, and the plane through them: follows edges and slopes.
int median_of(const AlphaContext& c) {
  return std::clamp(c.w + c.n - c.nw, std::min(c.w, c.n), std::max(c.w, c.n));
}

}  // namespace

AlphaModel::AlphaModel()
    : ends_(size_t{2} * kEnds * kEndContexts),
      rest_(size_t{1} << kRestBits),
      end_mixer_(size_t{2} * 27),
      rest_mixer_(size_t{kRestKinds} * (kRest + 1)) {}

AlphaModel::EndContexts AlphaModel::end_contexts(const AlphaContext& c) {
  const auto kind = alpha_kind;
  return {level5(c.w) + 5 * level5(c.n) + 25 * level5(c.nw),
          kind(c.w) + 3 * kind(c.n) + 9 * kind(c.nw) + 27 * kind(c.ne) + 81 * kind(c.ww) + 243 * kind(c.nn) +
              729 * kind(c.nee),
          level16(c.e) + 16 * kind(c.w) + 48 * kind(c.n),
          kind(c.b.centre) + 3 * kind(c.b.left) + 9 * kind(c.b.right) + 27 * kind(c.b.up) +
              81 * kind(c.b.down) + 243 * c.b.quarter,
          level16(std::clamp(c.w + c.n - c.nw, 0, 255)) + 16 * level5(c.ne) + 80 * kind(c.e),
          level16(std::clamp(c.e + c.w - c.n, 0, 255)) + 16 * kind(c.b.right) + 48 * kind(c.b.down)};
}

AlphaModel::RestContexts AlphaModel::rest_contexts(const AlphaContext& c, int guess) {
  const int rough = std::max({std::abs(c.w - c.nw), std::abs(c.n - c.nw), std::abs(c.n - c.ne)});
  const auto hash = [](std::initializer_list<int> numbers) {
    uint32_t h = 0;
    for (const int v : numbers) h = hashed(h, static_cast<uint32_t>(v));
    return h;
  };
  return {hash({0, size_class(rough), signed_class(c.e - guess)}),
          hash({1, guess / 16, signed_class(c.e - guess) % 3, signed_class(c.w - c.n) % 3}),
          hash({2, signed_class(c.w - guess), signed_class(c.n - guess)}),
          hash({3, c.w, c.n, guess}),
          hash({4, c.n, c.nn, guess}),
          hash({5, c.e, c.b.quarter, guess}),
          hash({6, c.w, c.n, c.nw, c.ne, guess})};
}

AlphaModel::Prediction AlphaModel::predict(const AlphaContext& c) const {
  const int first = (c.e + median_of(c) + 1) / 2;
  Prediction p{{c.w, c.n, c.nw, c.ne, c.ww, c.nn, c.e, c.b.centre, c.b.left, c.b.right, c.b.up, c.b.down}, 0};
  int64_t sum = 0;
  for (int i = 0; i < kTaps; ++i) {
    p.taps[i] -= first;
    sum += int64_t{p.taps[i]} * weights_[i];
  }
  p.value = std::clamp(first + static_cast<int>(sum / 65536), 1, 254);
  return p;
}

// Normalised least mean squares. Weights stay small: a step moves one by at most 2000 * 253 / 64.
void AlphaModel::learn(const Prediction& prediction, int value) {
  constexpr int64_t kStep = 2000;
  constexpr int32_t kMost = 1 << 22;
  int64_t power = 64;
  for (const int tap : prediction.taps) power += tap * tap;
  for (int i = 0; i < kTaps; ++i) {
    const int64_t step = kStep * (value - prediction.value) * prediction.taps[i] / power;
    weights_[i] = std::clamp(weights_[i] + static_cast<int32_t>(step), -kMost, kMost);
  }
}

}  // namespace compass
