#include "priors/reference_coder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "entropy/testing/golden.h"
#include "entropy/testing/random_tables.h"

namespace compass {
namespace {

std::vector<uint8_t> narrow(const std::vector<int32_t>& values) {
  return {values.begin(), values.end()};
}

CdfTables tables_of(const GoldenFile& file, const std::string& prefix) {
  return *CdfTables::from_padded(file.get<int32_t>(prefix + "_quantized_cdf"),
                                 file.get<int32_t>(prefix + "_cdf_length"),
                                 file.get<int32_t>(prefix + "_offset"));
}

TEST(ReferenceCoder, GoldenStringOverAllTablesWithEscapes) {
  COMPASS_OPEN_GOLDEN(luts, "luts.safetensors");
  const auto tables =
      CdfTables::from_padded(luts.get<int32_t>("gc_quantized_cdf"), luts.get<int32_t>("gc_cdf_length"),
                             luts.get<int32_t>("gc_offset"));
  ASSERT_TRUE(tables.ok()) << tables.error().message;
  const auto symbols = luts.get<int32_t>("rans_sym");
  const auto indexes = narrow(luts.get<int32_t>("rans_idx"));
  const auto bytes = luts.get<uint8_t>("rans_bytes");
  EXPECT_EQ(*reference_encode(symbols, indexes, *tables), bytes);
  std::vector<int32_t> decoded(symbols.size());
  const Status status = reference_decode(bytes, indexes, *tables, decoded);
  ASSERT_TRUE(status.ok()) << status.error().message;
  EXPECT_EQ(decoded, symbols);
}

TEST(ReferenceCoder, GoldenPictures) {
  COMPASS_OPEN_GOLDEN(weights, "tiny_even.safetensors");
  for (const std::string name : {"tiny_even", "tiny_odd", "tiny_frac", "tiny_same", "tiny_cellbug"}) {
    COMPASS_OPEN_GOLDEN(file, name + ".safetensors");
    for (const std::string layer : {"bl.", "el1.", "el2."}) {
      SCOPED_TRACE(name + " " + layer);
      const std::string codec = layer == "bl." ? "w.base." : "w.res.";
      const CdfTables y_tables = tables_of(weights, codec + "gaussian_conditional.");
      const CdfTables z_tables = tables_of(weights, codec + "entropy_bottleneck.");
      const auto y = file.get<int32_t>(layer + "y_sym");
      const auto indexes = narrow(file.get<int32_t>(layer + "y_idx"));
      const auto y_bytes = file.get<uint8_t>(layer + "y_bytes");
      EXPECT_EQ(*reference_encode(y, indexes, y_tables), y_bytes);
      const auto z = file.get<int32_t>(layer + "z_sym");
      const auto z_bytes = file.get<uint8_t>(layer + "z_bytes");
      EXPECT_EQ(*reference_encode(z, z_tables), z_bytes);

      std::vector<int32_t> decoded(y.size());
      ASSERT_TRUE(reference_decode(y_bytes, indexes, y_tables, decoded).ok());
      EXPECT_EQ(decoded, y);
      decoded.resize(z.size());
      ASSERT_TRUE(reference_decode(z_bytes, z_tables, decoded).ok());
      EXPECT_EQ(decoded, z);
    }
  }
}

TEST(ReferenceCoder, RandomRoundTrips) {
  std::mt19937 rng(1);
  for (int round = 0; round < 200; ++round) {
    const CdfTables tables = random_tables(rng, 1 + round % 7, 1 + round * 3);
    const int count = round < 20 ? round : static_cast<int>(rng() % 500);
    std::vector<uint8_t> indexes(count);
    std::vector<int32_t> symbols(count);
    for (int i = 0; i < count; ++i) {
      indexes[i] = static_cast<uint8_t>(rng() % tables.rows());
      symbols[i] = random_symbol(rng, tables.row(indexes[i]));
    }
    const auto bytes = reference_encode(symbols, indexes, tables);
    ASSERT_TRUE(bytes.ok());
    std::vector<int32_t> decoded(count);
    const Status status = reference_decode(*bytes, indexes, tables, decoded);
    ASSERT_TRUE(status.ok()) << status.error().message;
    EXPECT_EQ(decoded, symbols);
  }
}

TEST(ReferenceCoder, AnEmptyStringIsTheStateAlone) {
  const auto bytes = reference_encode({}, {}, CdfTables());
  EXPECT_EQ(*bytes, (std::vector<uint8_t>{0, 0, 0, 0x80, 0, 0, 0, 0}));
  EXPECT_TRUE(reference_decode(*bytes, {}, CdfTables(), {}).ok());
}

TEST(ReferenceCoder, DamageIsAnErrorOrAnotherValidString) {
  std::mt19937 rng(2);
  const CdfTables tables = random_tables(rng, 5, 40);
  std::vector<uint8_t> indexes(120);
  std::vector<int32_t> symbols(120);
  for (size_t i = 0; i < symbols.size(); ++i) {
    indexes[i] = static_cast<uint8_t>(rng() % 5);
    symbols[i] = random_symbol(rng, tables.row(indexes[i]));
  }
  const auto bytes = *reference_encode(symbols, indexes, tables);
  std::vector<int32_t> decoded(symbols.size());
  for (size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(reference_decode(std::span(bytes).first(length), indexes, tables, decoded).ok());
  }
  // The final state is a check by itself, so what is accepted is another valid string: it encodes back to
  // itself.
  for (size_t at = 0; at < bytes.size(); ++at) {
    for (const int flip : {1, 0x80, 0xFF}) {
      auto damaged = bytes;
      damaged[at] = static_cast<uint8_t>(damaged[at] ^ flip);
      if (!reference_decode(damaged, indexes, tables, decoded)) continue;
      EXPECT_NE(decoded, symbols);
      EXPECT_EQ(*reference_encode(decoded, indexes, tables), damaged);
    }
  }
  for (int round = 0; round < 2000; ++round) {
    std::vector<uint8_t> noise(4 * (rng() % 60));
    std::ranges::generate(noise, [&] { return static_cast<uint8_t>(rng()); });
    const Status status = reference_decode(noise, indexes, tables, decoded);
    if (!status) {
      EXPECT_EQ(status.error().code, ErrorCode::kBadFile);
    }
  }
}

// States beyond their bounds, which would pop to the same symbols as those within.
TEST(ReferenceCoder, RefusesStatesThatNoEncoderLeaves) {
  const std::vector<uint8_t> low{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80};  // 0, and 2^31 as a word
  EXPECT_FALSE(reference_decode(low, {}, CdfTables(), {}).ok());

  const std::vector<uint8_t> indexes{0, 0};
  const std::vector<int32_t> cdf{0, 1, 65536}, length{3}, offset{0}, symbols{0, 0};
  const CdfTables tables = *CdfTables::from_ragged(cdf, length, offset);
  std::vector<int32_t> decoded(2);
  const std::vector<uint8_t> high{0, 0, 0, 0, 0, 0, 0, 0x80};  // 2^63: both symbols, and no word put out
  EXPECT_FALSE(reference_decode(high, indexes, tables, decoded).ok());
  const auto bytes = *reference_encode(symbols, indexes, tables);
  EXPECT_TRUE(reference_decode(bytes, indexes, tables, decoded).ok());
  EXPECT_EQ(decoded, symbols);
  EXPECT_EQ(bytes.size(), 12);
}

TEST(ReferenceCoder, RefusesWhatHasNoTable) {
  std::mt19937 rng(3);
  const CdfTables tables = random_tables(rng, 2, 4);
  std::vector<int32_t> symbols(3);
  EXPECT_FALSE(reference_encode(symbols, tables).ok());
  EXPECT_FALSE(reference_encode(symbols, std::vector<uint8_t>{0, 1}, tables).ok());
  EXPECT_FALSE(reference_encode(symbols, std::vector<uint8_t>{0, 1, 2}, tables).ok());
  EXPECT_FALSE(reference_decode({}, std::vector<uint8_t>{0, 1, 2}, tables, symbols).ok());
}

}  // namespace
}  // namespace compass
