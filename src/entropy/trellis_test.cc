#include "entropy/trellis.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <limits>
#include <random>
#include <string>

#include "entropy/layer_coder.h"
#include "entropy/symbol_coder.h"
#include "entropy/testing/damage.h"
#include "entropy/testing/random_tables.h"

namespace compass {
namespace {

constexpr auto kTrellis = CdfTables::Use::kTrellis;

TEST(Trellis, EveryStateIsReachedFromTwo) {
  std::array<int, kTrellisStates> arrivals{};
  for (const auto& next : kTrellisNext) {
    EXPECT_NE(next[0], next[1]);
    for (const uint8_t to : next) ++arrivals.at(to);
  }
  for (const int count : arrivals) EXPECT_EQ(count, 2);
  // Whatever the state, the next elements' quantisers are open: both are reached within two symbols.
  for (int state = 0; state < kTrellisStates; ++state) {
    std::array<bool, 2> seen{};
    for (const uint8_t one : kTrellisNext[state]) {
      for (const uint8_t two : kTrellisNext[one]) seen[quantiser_of(two)] = true;
    }
    EXPECT_TRUE(seen[0] && seen[1]) << state;
  }
}

TEST(Trellis, QuantisersShareNothingButZero) {
  for (const int64_t level : {-7, -6, -2, -1, 0, 1, 2, 3, 1000}) {
    for (int q = 0; q < 2; ++q) {
      EXPECT_EQ(has_level(q, level), level == 0 || (level % 2 != 0) == (q == 1));
      if (has_level(q, level)) {
        EXPECT_EQ(level_of(q, symbol_of(q, level)), level);
      }
    }
  }
  EXPECT_EQ(level_of(1, 1), 1);
  EXPECT_EQ(level_of(1, -2), -3);
  EXPECT_EQ(level_of(0, -2), -4);
}

TEST(Trellis, BlocksCoverEverythingOnce) {
  for (const Size size : {Size{1, 1}, Size{32, 32}, Size{33, 1}, Size{70, 65}}) {
    std::vector<int> covered(size.pixels());
    for (const Rect b : trellis_blocks(size)) {
      EXPECT_TRUE(b.width > 0 && b.height > 0 && b.width <= kTrellisBlock && b.height <= kTrellisBlock);
      for (int y = b.y; y < b.y + b.height; ++y) {
        for (int x = b.x; x < b.x + b.width; ++x) ++covered.at(static_cast<size_t>(y) * size.width + x);
      }
    }
    EXPECT_TRUE(std::ranges::all_of(covered, [](int n) { return n == 1; }));
  }
}

struct Latents {
  TrellisLayout layout;
  std::vector<uint8_t> indexes;
  std::vector<int32_t> levels;
};

// Calls visit(element, index) in the order of coding: what TrellisOrder does, plainly.
template <typename Visit>
void for_coded(const Latents& latents, const Visit& visit) {
  const int channels = latents.layout.channels;
  const int width = latents.layout.width;
  const int height = static_cast<int>(latents.indexes.size()) / (width * channels);
  for (int top = 0; top < height; top += kTrellisBlock) {
    for (int left = 0; left < width; left += kTrellisBlock) {
      visit(size_t{0}, -1);  // a block begins
      for (int c = 0; c < channels; ++c) {
        for (int y = top; y < std::min(height, top + kTrellisBlock); ++y) {
          for (int x = left; x < std::min(width, left + kTrellisBlock); ++x) {
            const size_t i = (static_cast<size_t>(y) * width + x) * channels + c;
            if (latents.indexes[i] != 0) visit(i, latents.indexes[i]);
          }
        }
      }
    }
  }
}

// Random indexes, and levels along a random path; among them escapes, and exceptions.
Latents random_latents(std::mt19937& rng, Size size, int channels, int shift, const CdfTables& tables) {
  Latents latents{{size.width, channels, shift}, {}, {}};
  const int scales = tables.rows() / 2;
  const bool mostly_skipped = rng() % 2 == 0;
  for (int64_t i = 0; i < size.pixels() * channels; ++i) {
    const bool skip = mostly_skipped && rng() % 8 != 0;
    latents.indexes.push_back(static_cast<uint8_t>(skip ? 0 : rng() % scales));
    const bool exception = latents.indexes.back() == 0 && rng() % 16 == 0;
    latents.levels.push_back(exception ? 2 * (static_cast<int32_t>(rng()) >> (2 + rng() % 28)) : 0);
  }
  int state = 0;
  for_coded(latents, [&](size_t i, int index) {
    if (index < 0) {
      state = 0;
      return;
    }
    const int row = latents.layout.row_of(index) + quantiser_of(state) * scales;
    const int32_t symbol = random_symbol(rng, tables.row(row)) / 2;  // so that the level fits in 32 bits
    latents.levels[i] = static_cast<int32_t>(level_of(quantiser_of(state), symbol));
    state = kTrellisNext[state][symbol & 1];
  });
  return latents;
}

Result<std::vector<uint8_t>> encode(const Latents& latents, const CdfTables& tables) {
  return encode_layer({{}, latents.levels, latents.indexes, {}, 0, latents.layout}, {}, tables);
}

Result<std::vector<int32_t>> decode(std::span<const uint8_t> bytes, const Latents& latents,
                                    const CdfTables& tables) {
  auto decoder = LayerDecoder::open(bytes);
  if (!decoder) return decoder.error();
  std::vector<int32_t> levels(latents.levels.size(), -1);
  const Status done = decoder->decode_levels(tables, latents.layout, latents.indexes, levels);
  if (!done) return done.error();
  return levels;
}

// The same without lookups: every symbol by searching its whole row. Skipped elements are left out.
std::vector<int32_t> plainly_decoded(std::span<const uint8_t> bytes, const Latents& latents,
                                     const CdfTables& tables) {
  const size_t head = bytes.size() < 4 ? bytes.size() : 4 + bytes.size() % 4;
  uint64_t first = 0;
  for (size_t i = head; i-- > 0;) first = first << 8 | bytes[i];
  rans::Popper popper(first, bytes.subspan(head));
  std::vector<int32_t> levels(latents.levels.size());
  int state = 0;
  for_coded(latents, [&](size_t i, int index) {
    if (index < 0) {
      state = 0;
      return;
    }
    const int quantiser = state % 2;
    const CdfRow row =
        tables.row(std::max(1, index - latents.layout.shift) + quantiser * (tables.rows() / 2));
    int32_t symbol = 0;
    ASSERT_TRUE(pop_searched(popper, row, popper.peek(kCdfBits), 0, row.escape, &symbol));
    const int32_t sign = symbol > 0 ? 1 : symbol < 0 ? -1 : 0;
    levels[i] = quantiser == 0 ? 2 * symbol : 2 * symbol - sign;
    state = kTrellisNext[state][symbol % 2 == 0 ? 0 : 1];
  });
  return levels;
}

TEST(Trellis, RandomRoundTrips) {
  std::mt19937 rng(11);
  for (int round = 0; round < 120; ++round) {
    const CdfTables tables = random_tables(rng, 2 * (2 + static_cast<int>(rng() % 63)), 40, kTrellis);
    const Size size{1 + static_cast<int>(rng() % 70), 1 + static_cast<int>(rng() % 40)};
    const int channels = 1 + static_cast<int>(rng() % 19);
    const Latents latents = random_latents(rng, size, channels, static_cast<int>(rng() % 4), tables);
    const auto bytes = encode(latents, tables);
    ASSERT_TRUE(bytes) << bytes.error().message;
    const auto back = decode(*bytes, latents, tables);
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, latents.levels);

    std::vector<int32_t> plain = plainly_decoded(*bytes, latents, tables);
    for (size_t i = 0; i < plain.size(); ++i) {
      if (latents.indexes[i] == 0) plain[i] = latents.levels[i];
    }
    EXPECT_EQ(plain, latents.levels);

    std::vector<float> y_hat(latents.levels.size(), 0.25F);
    ASSERT_TRUE(
        LayerDecoder::open(*bytes)->decode_levels_onto(tables, latents.layout, latents.indexes, 0.5F, y_hat));
    for (size_t i = 0; i < y_hat.size(); ++i) {
      ASSERT_EQ(y_hat[i], 0.25F + 0.5F * static_cast<float>(latents.levels[i]));
    }
  }
}

// The example of docs/bitstream.md.
TEST(Trellis, ExampleOfTheSpecification) {
  const std::vector<int32_t> cdf{0, 16384, 49152, 65535, 65536, 0, 8192, 57344, 65535, 65536};
  const std::vector<int32_t> rows{cdf[0], cdf[1], cdf[2], cdf[3], cdf[4], cdf[0], cdf[1],
                                  cdf[2], cdf[3], cdf[4], cdf[5], cdf[6], cdf[7], cdf[8],
                                  cdf[9], cdf[5], cdf[6], cdf[7], cdf[8], cdf[9]};
  const CdfTables tables =
      *CdfTables::from_ragged(rows, std::vector<int32_t>(4, 5), std::vector<int32_t>(4, -1), kTrellis);
  // Two positions of two channels: channel 0 is coded first.
  const Latents latents{{2, 2, 0}, {1, 1, 1, 0}, {2, 1, 0, -4}};
  const auto bytes = encode(latents, tables);
  ASSERT_TRUE(bytes) << bytes.error().message;
  std::string hex;
  for (const uint8_t byte : *bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += {kDigits[byte >> 4], kDigits[byte & 15], ' '};
  }
  EXPECT_EQ(hex, "37 e0 06 ");
  EXPECT_EQ(*decode(*bytes, latents, tables), latents.levels);
}

TEST(Trellis, RefusesWhatIsNoPath) {
  std::mt19937 rng(12);
  const CdfTables tables = random_tables(rng, 4, 20, kTrellis);
  EXPECT_TRUE(encode({{3, 1, 0}, {1, 1, 1}, {2, 0, 1}}, tables));   // states 0, 2, 1
  EXPECT_FALSE(encode({{3, 1, 0}, {1, 1, 1}, {2, 0, 2}}, tables));  // state 1 has odd levels and 0
  EXPECT_FALSE(encode({{2, 1, 0}, {1, 1}, {1, 0}}, tables));        // state 0 has even ones
  EXPECT_FALSE(encode({{2, 1, 0}, {0, 1}, {3, 0}}, tables));        // an exception is even
  EXPECT_TRUE(encode({{2, 1, 0}, {0, 1}, {-4, 0}}, tables));
  EXPECT_FALSE(encode({{2, 1, 0}, {1, 2}, {0, 0}}, tables));  // no such row
  EXPECT_FALSE(encode({{2, 1, 0}, {1, 1, 1}, {0, 0, 0}}, tables));
  EXPECT_FALSE(encode({{0, 1, 0}, {1}, {0}}, tables));
  EXPECT_FALSE(encode({{1, 1, -1}, {1}, {0}}, tables));
  EXPECT_FALSE(encode({{1, 1, 0}, {1}, {0}}, random_tables(rng, 4, 4)));
  EXPECT_FALSE(encode({{1, 1, 0}, {1}, {0}}, random_tables(rng, 130, 4, kTrellis)));
  EXPECT_TRUE(encode({{1, 1, 0}, {}, {}}, tables));
}

TEST(Trellis, DamageGivesAnErrorOrSymbols) {
  std::mt19937 rng(13);
  const CdfTables tables = random_tables(rng, 24, 60, kTrellis);
  const Latents latents = random_latents(rng, {9, 7}, 5, 1, tables);
  const auto bytes = *encode(latents, tables);
  const auto check = [&](std::span<const uint8_t> damaged) {
    const auto back = decode(damaged, latents, tables);
    if (!back) {
      EXPECT_EQ(back.error().code, ErrorCode::kBadFile);
      return;
    }
    EXPECT_NE(*back, latents.levels);
    const Latents other{latents.layout, latents.indexes, *back};
    const auto again = encode(other, tables);
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*decode(*again, other, tables), *back);
  };
  for_damaged(bytes, 2000, 300, rng, check);
}

}  // namespace
}  // namespace compass
