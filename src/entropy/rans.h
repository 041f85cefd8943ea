// The arithmetic of a range variant of asymmetric numeral systems (rANS: J. Duda, arXiv:1311.2540; this
// 64-bit form with 32-bit words after F. Giesen's rans64). A state is one 64-bit integer; pushing a symbol
// that owns the slots [start, start + freq) of 2^bits multiplies it by about 2^bits / freq, popping undoes
// that. What a state cannot hold spills into a stack of 32-bit words. Encoders push in reverse, decoders pop
// forwards.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace compass::rans {

// A state holds less than 2^63; one below 2^31 takes in a word if there is one left.
inline constexpr uint64_t kLow = 1ULL << 31;

// Pushes onto a state; spilled words are appended to words(), last needed first.
class Pusher {
 public:
  explicit Pusher(uint64_t start) : state_(start) {}

  // The slots [start, start + freq) of 2^bits; freq >= 1, bits in 1..16.
  void push(uint32_t start, uint32_t freq, int bits) {
    // Beyond this the push would overflow 63 bits.
    const uint64_t limit = (kLow >> bits << 32) * freq;
    if (state_ >= limit) {
      words_.push_back(static_cast<uint32_t>(state_));
      state_ >>= 32;
    }
    state_ = ((state_ / freq) << bits) + state_ % freq + start;
  }
  void push_bits(uint32_t value, int bits) { push(value, 1, bits); }

  uint64_t state() const { return state_; }
  const std::vector<uint32_t>& words() const { return words_; }

 private:
  uint64_t state_;
  std::vector<uint32_t> words_;
};

// Pops from a state; words come from bytes (little-endian, a whole number of words), in order.
// When the words run out the state just shrinks: every pop is defined, whatever the bytes.
class Popper {
 public:
  Popper() = default;
  Popper(uint64_t state, std::span<const uint8_t> words)
      : state_(state), next_(words.data()), end_(words.data() + words.size()) {
    refill();
  }

  uint32_t peek(int bits) const { return static_cast<uint32_t>(state_) & ((1U << bits) - 1); }
  // `slot` is what peek(bits) gave; it lies in [start, start + freq).
  void pop(uint32_t slot, uint32_t start, uint32_t freq, int bits) {
    state_ = freq * (state_ >> bits) + (slot - start);
    refill();
  }
  uint32_t pop_bits(int bits) {
    const uint32_t value = peek(bits);
    state_ >>= bits;
    refill();
    return value;
  }

  uint64_t state() const { return state_; }
  bool words_left() const { return next_ != end_; }
  bool starved() const {
    return state_ < kLow;
  }  // words ran out (never the case in a whole reference stream)

 private:
  void refill() {
    if (state_ < kLow && next_ != end_) {
      state_ = state_ << 32 | next_[0] | static_cast<uint32_t>(next_[1]) << 8 |
               static_cast<uint32_t>(next_[2]) << 16 | static_cast<uint32_t>(next_[3]) << 24;
      next_ += 4;
    }
  }

  uint64_t state_ = 0;
  const uint8_t* next_ = nullptr;
  const uint8_t* end_ = nullptr;
};

}  // namespace compass::rans
