// For tests only: what damage makes of a stream.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

namespace compass {

// Calls check(bytes) for every prefix of `stream`, four flips of every byte, and `rounds` times for noise of
// less than `longest` bytes, one in seven all ones.
template <typename Check>
void for_damaged(const std::vector<uint8_t>& stream, int rounds, size_t longest, std::mt19937& rng,
                 const Check& check) {
  for (size_t length = 0; length < stream.size(); ++length) check(std::span(stream).first(length));
  for (size_t at = 0; at < stream.size(); ++at) {
    for (const int flip : {1, 0x10, 0x80, 0xFF}) {
      auto damaged = stream;
      damaged[at] = static_cast<uint8_t>(damaged[at] ^ flip);
      check(damaged);
    }
  }
  for (int round = 0; round < rounds; ++round) {
    std::vector<uint8_t> noise(rng() % longest);
    const bool ones = round % 7 == 0;
    std::ranges::generate(noise, [&] { return static_cast<uint8_t>(ones ? 0xFF : rng()); });
    check(noise);
  }
}

}  // namespace compass
