// Adaptive probabilities of binary decisions, and what makes one of several. Integers alone, so that encoder
// and decoder agree on every machine; docs/bitstream.md, section 6, is the specification.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace compass {

// Log odds are ln(p / (1 - p)) in 256ths, within this much of 0.
inline constexpr int kMaxLogOdds = 2816;

// The probability of log odds, in 65536ths: 1..65535.
uint32_t probability_of(int log_odds);
// The log odds of a probability in 4096ths (0..4095): within 2047 of 0.
int log_odds_of(uint32_t probability);

constexpr uint32_t hashed(uint32_t hash, uint32_t number) {
  const uint32_t mixed = (hash + number + 1) * 2654435761U;
  return mixed ^ mixed >> 15;
}

// How often a context was followed by a 1.
struct BitContext {
  uint32_t one = uint32_t{1} << 31;  // probability of a 1 in 2^32ths
  uint32_t seen = 0;                 // times, up to a limit

  // Goes the (seen + 1.5)th part of the way to where `bit` is certain.
  void learn(bool bit, uint32_t limit) {
    const uint64_t share = 131072 / (2 * seen + 3);  // in 65536ths
    if (bit) {
      one += static_cast<uint32_t>((0xFFFFFFFF - one) * share >> 16);
    } else {
      one -= static_cast<uint32_t>(one * share >> 16);
    }
    if (seen < limit) ++seen;
  }
};

// Mixes what contexts say: the log odds of the result are a weighted sum of theirs. Weights (in 65536ths)
// learn which contexts are right; a set of them is chosen for each decision.
template <int kInputs>
class BitMixer {
 public:
  explicit BitMixer(size_t sets) : weights_(sets) {
    for (auto& set : weights_) set.fill(kFirstWeight);
  }

  // Codes a decision. `code(bit, one)` writes the bit, `one` being its probability to be 1 in 65536ths, or
  // reads it whatever its first argument is, and returns it. Contexts that were never seen have no say, and
  // begin where the others are.
  template <typename Code>
  bool decide(const std::array<BitContext*, kInputs>& contexts, size_t set, bool bit, const Code& code) {
    auto& weights = weights_[set];
    std::array<int, kInputs> inputs;
    int64_t sum = 0;
    for (int i = 0; i < kInputs; ++i) {
      inputs[i] = contexts[i]->seen == 0 ? 0 : log_odds_of(contexts[i]->one >> 20);
      sum += int64_t{inputs[i]} * weights[i];
    }
    const int odds = static_cast<int>(std::clamp<int64_t>(sum / 65536, -kMaxLogOdds, kMaxLogOdds));
    const uint32_t one = probability_of(odds);
    bit = code(bit, one);
    const int64_t error = (bit ? 65536 : 0) - static_cast<int64_t>(one);
    for (int i = 0; i < kInputs; ++i) {
      if (contexts[i]->seen == 0) contexts[i]->one = one << 16;
      const auto step = static_cast<int32_t>(inputs[i] * error / kSlowness);
      weights[i] = std::clamp(weights[i] + step, -kMaxWeight, kMaxWeight);
      contexts[i]->learn(bit, kLimit);
    }
    return bit;
  }

 private:
  static constexpr int32_t kFirstWeight = 65536 * 2 / kInputs;
  static constexpr int32_t kMaxWeight = 65536 * 16;
  static constexpr int32_t kSlowness = 16384;
  static constexpr uint32_t kLimit = 255;

  std::vector<std::array<int32_t, kInputs>> weights_;
};

}  // namespace compass
