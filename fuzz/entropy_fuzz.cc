// Entropy decoding on any bytes: whatever decodes must encode and decode again to the same symbols. The first
// bytes choose between the Gaussian tables and tables made from the input, how many symbols are asked for,
// and whether they are levels of a trellis.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include "entropy/layer_coder.h"
#include "priors/gaussian_tables.h"
#include "priors/level_counts.h"
#include "priors/reference_coder.h"

namespace {

using namespace compass;

void require(bool holds) {
  if (!holds) std::abort();
}

class Input {
 public:
  explicit Input(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint8_t byte() {
    if (bytes_.empty()) return 0;
    const uint8_t value = bytes_.front();
    bytes_ = bytes_.subspan(1);
    return value;
  }
  std::span<const uint8_t> rest() const { return bytes_; }

 private:
  std::span<const uint8_t> bytes_;
};

// Rows of random lengths and strides; the input may well make tables that must be refused.
Result<CdfTables> tables_from(Input& in, CdfTables::Use use) {
  std::vector<int32_t> cdf;
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;
  for (int rows = 1 + in.byte() % 4; rows > 0; --rows) {
    const int slots = 1 + in.byte() % 16;
    int32_t at = 0;
    for (int s = 0; s < slots; ++s) {
      cdf.push_back(at);
      at += in.byte() << (in.byte() % 9);
    }
    cdf.push_back(in.byte() == 255 ? at : 65536);
    lengths.push_back(slots + 1);
    offsets.push_back(static_cast<int32_t>(static_cast<uint32_t>(in.byte()) << (in.byte() % 32)));
  }
  return CdfTables::from_ragged(cdf, lengths, offsets, use);
}

struct Symbols {
  std::vector<int32_t> z;
  std::vector<int32_t> y;
  size_t directions = 0;
  std::vector<int32_t> coefficients;
  bool operator==(const Symbols&) const = default;
};

bool decode(std::span<const uint8_t> bytes, const CdfTables& tables, std::span<const uint8_t> indexes,
            Symbols& out) {
  auto decoder = LayerDecoder::open(bytes);
  return decoder.ok() && decoder->decode_coefficients(out.directions, out.coefficients).ok() &&
         decoder->decode_z(tables, out.z).ok() && decoder->decode_y(tables, indexes, out.y).ok();
}

void check_layer(std::span<const uint8_t> bytes, const CdfTables& tables, std::span<const uint8_t> indexes,
                 int z) {
  Symbols symbols{std::vector<int32_t>(static_cast<size_t>(z) * tables.rows()),
                  std::vector<int32_t>(indexes.size()), indexes.size() % 4,
                  std::vector<int32_t>(indexes.size() % 4 * (indexes.size() / 4 % 3))};
  if (!decode(bytes, tables, indexes, symbols)) return;
  const auto encoded =
      encode_layer({symbols.z, symbols.y, indexes, symbols.coefficients, symbols.directions}, tables, tables);
  require(encoded.ok());
  Symbols again = symbols;
  require(decode(*encoded, tables, indexes, again));
  require(again == symbols);
}

void check_reference(std::span<const uint8_t> bytes, const CdfTables& tables,
                     std::span<const uint8_t> indexes) {
  std::vector<int32_t> symbols(indexes.size());
  if (!reference_decode(bytes, indexes, tables, symbols)) return;
  const auto encoded = reference_encode(symbols, indexes, tables);
  require(encoded.ok() && encoded->size() == bytes.size());
  require(std::ranges::equal(*encoded, bytes));
}

// The input as symbols instead of as a stream.
void check_symbols(std::span<const uint8_t> bytes, const CdfTables& tables,
                   std::span<const uint8_t> indexes) {
  Symbols symbols{{}, std::vector<int32_t>(indexes.size()), {}};
  for (size_t i = 0; i < symbols.y.size() && 4 * i + 4 <= bytes.size(); ++i) {
    std::memcpy(&symbols.y[i], &bytes[4 * i], 4);
  }
  const auto encoded = encode_layer({{}, symbols.y, indexes}, tables, tables);
  require(encoded.ok());
  Symbols again{{}, std::vector<int32_t>(indexes.size()), {}};
  require(decode(*encoded, tables, indexes, again) && again == symbols);
}

Result<std::vector<int32_t>> decode_levels(std::span<const uint8_t> bytes, const CdfTables& tables,
                                           const TrellisLayout& layout, std::span<const uint8_t> indexes) {
  std::vector<int32_t> levels(indexes.size());
  auto decoder = LayerDecoder::open(bytes);
  if (!decoder) return decoder.error();
  if (const Status s = decoder->decode_levels(tables, layout, indexes, levels); !s) return s.error();
  return levels;
}

void check_levels(std::span<const uint8_t> bytes, const CdfTables& tables, const TrellisLayout& layout,
                  std::span<const uint8_t> indexes) {
  const auto levels = decode_levels(bytes, tables, layout, indexes);
  std::vector<float> y_hat(indexes.size());
  auto decoder = LayerDecoder::open(bytes);
  const bool added = decoder && decoder->decode_levels_onto(tables, layout, indexes, 1.0F, y_hat);
  require(added == levels.ok());
  if (!levels) return;
  for (size_t i = 0; i < y_hat.size(); ++i) require(y_hat[i] == static_cast<float>((*levels)[i]));
  const auto encoded = encode_layer({{}, *levels, indexes, {}, 0, layout}, {}, tables);
  require(encoded.ok());
  const auto again = decode_levels(*encoded, tables, layout, indexes);
  require(again.ok() && *again == *levels);
}

// The input as levels: they may be no path, and then must be refused.
void check_paths(std::span<const uint8_t> bytes, const CdfTables& tables, const TrellisLayout& layout,
                 std::span<const uint8_t> indexes) {
  std::vector<int32_t> levels(indexes.size());
  for (size_t i = 0; i < levels.size() && i < bytes.size(); ++i) levels[i] = static_cast<int8_t>(bytes[i]);
  const auto encoded = encode_layer({{}, levels, indexes, {}, 0, layout}, {}, tables);
  if (!encoded) return;
  const auto again = decode_levels(*encoded, tables, layout, indexes);
  require(again.ok() && *again == levels);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const CdfTables gaussian = gaussian_tables();
  static const CdfTables levels = LevelCounts(0.6785).tables();
  Input in({data, size});
  const uint8_t choice = in.byte();
  const int kind = choice / 2 % 5;
  const bool trellis = kind >= 3;
  CdfTables made;
  if (choice % 2 == 0) {
    auto result = tables_from(in, trellis ? CdfTables::Use::kTrellis : CdfTables::Use::kSymbols);
    if (!result) return 0;
    made = *std::move(result);
  }
  const CdfTables& tables = choice % 2 == 0 ? made : trellis ? levels : gaussian;
  const int scales = trellis ? tables.rows() / 2 : tables.rows();
  const int z = in.byte() % 4;
  std::vector<uint8_t> indexes(in.byte());
  const uint8_t stride = in.byte();
  const TrellisLayout layout{1 + stride % 20, 1 + choice / 10 % 3, z};
  if (trellis)
    indexes.resize(indexes.size() / (layout.width * layout.channels) * layout.width * layout.channels);
  for (size_t i = 0; i < indexes.size(); ++i) indexes[i] = static_cast<uint8_t>(i * stride % scales);
  switch (kind) {
    case 0:
      check_layer(in.rest(), tables, indexes, z);
      break;
    case 1:
      check_reference(in.rest(), tables, indexes);
      break;
    case 2:
      check_symbols(in.rest(), tables, indexes);
      break;
    case 3:
      check_levels(in.rest(), tables, layout, indexes);
      break;
    default:
      check_paths(in.rest(), tables, layout, indexes);
  }
  return 0;
}
