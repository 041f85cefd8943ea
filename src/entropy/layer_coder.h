// A layer's stream: the symbols of z and y in one rANS state, ours. docs/bitstream.md specifies it.
//
// Encoding:  bytes = encode_layer({z, y, indexes, coefficients, directions}, z_tables, y_tables)
// Decoding:  LayerDecoder decoder = *LayerDecoder::open(bytes);
//            decoder.decode_coefficients(directions, coefficients);  // if the model has a loop filter
//            decoder.decode_z(z_tables, z);               // then h_s turns z into y's scale indexes
//            decoder.decode_y(y_tables, indexes, y);
//
// The cost in bytes is the symbols' information rounded up to whole bytes, plus about two: y goes on with the
// state that z left, and the state is written with as few bytes as it needs. Elements of y with scale index 0
// are zero so nearly always that only the exceptions are listed; they cost nothing else, in bits or in time.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/result.h"
#include "entropy/cdf_tables.h"
#include "entropy/rans.h"
#include "entropy/trellis.h"

namespace compass {

inline constexpr int32_t kMaxFilterCoefficient = 4095;
// Bits that the coefficients of one region take, and what they take if they are those of the region before
// it.
int coefficient_bits(std::span<const int32_t> coefficients);
inline constexpr int kSameCoefficientsBits = 1;

// What is coded for one layer. Any int32 can be coded, at its price in escapes.
struct LayerSymbols {
  std::span<const int32_t> z;        // [H,W,C] in memory order, channels fastest; C = rows of the z tables
  std::span<const int32_t> y;        // [H,W,M] in memory order
  std::span<const uint8_t> indexes;  // the scale index, i.e. the row of the y tables, of each element of y
  // Of the loop filter, if there is one: [regions][directions], within +-kMaxFilterCoefficient.
  std::span<const int32_t> coefficients{};
  size_t directions = 0;
  // If y is quantised dependently (entropy/trellis.h): y holds levels, and the tables have two rows for each
  // scale index.
  std::optional<TrellisLayout> trellis{};
};

// Errors: kFailure if the sizes do not fit each other, an index has no row, or levels are no path through the
// trellis.
Result<std::vector<uint8_t>> encode_layer(const LayerSymbols& symbols, const CdfTables& z_tables,
                                          const CdfTables& y_tables);

// Decodes one layer: coefficients, if there are any, then z once, then y once. `bytes` must outlive the
// decoder. Reads within `bytes` whatever they are, in time proportional to the symbols asked for; hostile
// bytes give an error or symbols, nothing else.
class LayerDecoder {
 public:
  // Error: kBadFile if no encoder writes a stream that begins so.
  static Result<LayerDecoder> open(std::span<const uint8_t> bytes);

  // Fills coefficients, [regions][directions]. Errors: kFailure if they are not so many; kBadFile if a region
  // has more, or one is malformed or out of range.
  Status decode_coefficients(size_t directions, std::span<int32_t> coefficients);

  // Fills z. Errors: kFailure if z is no multiple of the tables' rows; kBadFile if a symbol is malformed.
  Status decode_z(const CdfTables& tables, std::span<int32_t> z);

  // Fills y. Errors: kFailure if the sizes differ or an index has no row; kBadFile if a symbol is malformed,
  // or if the stream does not end exactly here: only the symbols that were encoded leave the state at 0, so
  // most damage shows up (but not all: the container's checksum is what to rely on).
  Status decode_y(const CdfTables& tables, std::span<const uint8_t> indexes, std::span<int32_t> y);
  // The same, adding the symbols to `means`, which makes y_hat of them.
  Status decode_y_onto(const CdfTables& tables, std::span<const uint8_t> indexes, std::span<float> means);
  // Both for y that is quantised dependently: levels, and means plus `coefficient` times levels.
  Status decode_levels(const CdfTables& tables, const TrellisLayout& layout, std::span<const uint8_t> indexes,
                       std::span<int32_t> levels);
  Status decode_levels_onto(const CdfTables& tables, const TrellisLayout& layout,
                            std::span<const uint8_t> indexes, float coefficient, std::span<float> means);

 private:
  explicit LayerDecoder(rans::Popper popper) : popper_(popper) {}
  template <typename Sink>
  Status decode_y_into(const CdfTables& tables, std::span<const uint8_t> indexes, size_t count,
                       const Sink& sink);
  template <typename Sink>
  Status decode_exceptions(std::span<const uint8_t> indexes, size_t zeros, int unit, const Sink& sink);
  // Whether the stream ends here.
  Status check_end() const;

  rans::Popper popper_;
};

}  // namespace compass
