// The model of alpha: which decisions a block is made of, and what their probabilities depend on. Most
// samples are 0 or 255; what lies between is coded by how far a prediction is off, which learns, too.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "entropy/alpha_below.h"
#include "entropy/bit_mixer.h"

namespace compass {

// What a sample is told from: decoded ones to the left (w, ww) and above (n, nw, ne, nee, nn), the estimate
// (e) and the samples (b) of the layer below.
struct AlphaContext {
  int w, ww, n, nw, ne, nee, nn, e;
  AlphaEstimate::Around b;
};

class AlphaModel {
 public:
  AlphaModel();

  // Codes a sample: `value`, where it is written; what `code` reads otherwise (BitMixer::decide). Returns it.
  template <typename Code>
  int sample(AlphaContext context, int value, const Code& code);

 private:
  static constexpr int kEnds = 6;   // contexts of whether a sample is 0 or 255
  static constexpr int kRest = 7;   // and of all other decisions
  static constexpr int kTaps = 12;  // of the prediction
  static constexpr int kEndContexts = 2187;
  static constexpr int kRestBits = 16;
  static constexpr int kRestKinds = 10;

  using EndContexts = std::array<int, kEnds>;
  using RestContexts = std::array<uint32_t, kRest>;
  struct Prediction {
    std::array<int, kTaps> taps;
    int value;
  };

  static EndContexts end_contexts(const AlphaContext& c);
  static RestContexts rest_contexts(const AlphaContext& c, int guess);
  Prediction predict(const AlphaContext& c) const;
  void learn(const Prediction& prediction, int value);

  template <typename Code>
  bool end(int which, const EndContexts& at, size_t set, bool bit, const Code& code);
  template <typename Code>
  bool rest(int which, uint32_t detail, const RestContexts& at, bool bit, const Code& code);
  template <typename Code>
  int between(const AlphaContext& c, int value, const Code& code);

  std::array<BitContext, 2> flat_;
  std::vector<BitContext> ends_;
  std::vector<BitContext> rest_;
  BitMixer<kEnds> end_mixer_;
  BitMixer<kRest> rest_mixer_;
  std::array<int32_t, kTaps> weights_{};
};

// The three kinds of samples: 0, between, 255.
constexpr int alpha_kind(int v) {
  return v == 0 ? 0 : v == 255 ? 2 : 1;
}

template <typename Code>
int AlphaModel::sample(AlphaContext c, int value, const Code& code) {
  // Turned round, if need be, so that 0 is likelier than 255.
  const int turn = c.w + c.n + 2 * c.e >= 510 ? 255 : 0;
  for (int* v : {&c.w, &c.ww, &c.n, &c.nw, &c.ne, &c.nee, &c.nn, &c.e, &value}) *v ^= turn;
  for (uint8_t* v : {&c.b.centre, &c.b.left, &c.b.right, &c.b.up, &c.b.down}) *v ^= turn;
  const bool flat =
      (c.w | c.ww | c.n | c.nw | c.ne | c.nn | c.b.centre | c.b.left | c.b.right | c.b.up | c.b.down) == 0;
  if (flat) {  // most samples: no need to ask many contexts
    constexpr uint32_t kLimit = 1023;
    BitContext& context = flat_[turn == 0 ? 0 : 1];
    const bool bit = code(value != 0, std::clamp(context.one >> 16, 1U, 65535U));
    context.learn(bit, kLimit);
    if (!bit) return turn;
  }
  const EndContexts at = end_contexts(c);
  const auto set = static_cast<size_t>(alpha_kind(c.w) + 3 * alpha_kind(c.n) + 9 * alpha_kind(c.e));
  if (!flat && !end(0, at, set, value != 0, code)) return turn;
  if (end(1, at, set, value == 255, code)) return 255 ^ turn;
  return between(c, value, code) ^ turn;
}

template <typename Code>
bool AlphaModel::end(int which, const EndContexts& at, size_t set, bool bit, const Code& code) {
  std::array<BitContext*, kEnds> contexts;
  for (int i = 0; i < kEnds; ++i) contexts[i] = &ends_[(which * kEnds + i) * kEndContexts + at[i]];
  return end_mixer_.decide(contexts, 27 * static_cast<size_t>(which) + set, bit, code);
}

template <typename Code>
bool AlphaModel::rest(int which, uint32_t detail, const RestContexts& at, bool bit, const Code& code) {
  std::array<BitContext*, kRest> contexts;
  size_t known = 0;
  for (int i = 0; i < kRest; ++i) {
    contexts[i] = &rest_[hashed(at[i], 256 * static_cast<uint32_t>(which) + detail) >> (32 - kRestBits)];
    known += contexts[i]->seen > 0 ? 1 : 0;
  }
  const auto kind = static_cast<size_t>(std::min(which, kRestKinds - 1));
  return rest_mixer_.decide(contexts, kind * (kRest + 1) + known, bit, code);
}

// A value of 1 to 254: whether the prediction is right, on which side it errs, how many bits the error has,
// and these.
template <typename Code>
int AlphaModel::between(const AlphaContext& c, int value, const Code& code) {
  const Prediction guess = predict(c);
  const RestContexts at = rest_contexts(c, guess.value);
  if (rest(0, 0, at, value != guess.value, code)) {
    const bool above = rest(1, 0, at, value > guess.value, code);
    const int size = std::abs(value - guess.value);
    int bits = 1;
    while (bits < 8 && rest(1 + bits, 0, at, size >> bits != 0, code)) ++bits;
    uint32_t error = 1;
    for (int i = bits - 2; i >= 0; --i) {
      error = 2 * error + (rest(8 + bits, error, at, (size >> i & 1) != 0, code) ? 1 : 0);
    }
    const int off = static_cast<int>(error);
    value = std::clamp(above ? guess.value + off : guess.value - off, 1, 254);
  } else {
    value = guess.value;
  }
  learn(guess, value);
  return value;
}

}  // namespace compass
