// Encoding a layer's stream: everything is pushed in the reverse of the order in which it will be popped.
#include <algorithm>

#include "entropy/exp_golomb.h"
#include "entropy/layer_coder.h"
#include "entropy/layer_stream.h"
#include "entropy/symbol_coder.h"
#include "entropy/trellis_coder.h"

namespace compass {
namespace {

using rans::Pusher;

Status check_y(const LayerSymbols& symbols, const CdfTables& tables) {
  if (!symbols.trellis) return check_y(symbols.y.size(), symbols.indexes, tables);
  if (Status s = check_trellis(*symbols.trellis, tables, symbols.y.size(), symbols.indexes); !s) return s;
  for (size_t i = 0; i < symbols.y.size(); ++i) {
    if (symbols.indexes[i] == kSkippedIndex && symbols.y[i] % kExceptionLevels != 0) {
      return Error{ErrorCode::kFailure, "an exception is not a whole multiple of two levels"};
    }
  }
  return {};
}

// Numbers every integer: 0, 1, -1, 2, -2, ...
uint64_t number_of(int32_t coefficient) {
  const int64_t v = coefficient;
  return static_cast<uint64_t>(v > 0 ? 2 * v - 1 : -2 * v);
}

// The coefficients up to the last one that is not 0.
std::span<const int32_t> up_to_last(std::span<const int32_t> coefficients) {
  while (!coefficients.empty() && coefficients.back() == 0)
    coefficients = coefficients.first(coefficients.size() - 1);
  return coefficients;
}

// 0: the coefficients of the region before, or none in the first one.
void add_coefficients(RawBits& raw, std::span<const int32_t> coefficients, size_t directions) {
  std::vector<int32_t> last(directions, 0);
  for (size_t i = 0; i < coefficients.size(); i += directions) {
    const auto own = coefficients.subspan(i, directions);
    if (std::ranges::equal(own, last)) {
      raw.add_exp_golomb(0, 0);
      continue;
    }
    const auto used = up_to_last(own);
    raw.add_exp_golomb(used.size() + 1, 0);
    for (const int32_t coefficient : used) raw.add_exp_golomb(number_of(coefficient), kCoefficientOrder);
    last.assign(own.begin(), own.end());
  }
}

// Numbers every integer but 0: 1, -1, 2, -2, ...
uint64_t number_of_nonzero(int32_t symbol) {
  const int64_t v = symbol;
  return static_cast<uint64_t>(v > 0 ? 2 * (v - 1) : -2 * (v + 1) + 1);
}

// `unit` is what an exception of 1 means in y.
void add_exceptions(RawBits& raw, std::span<const int32_t> y, std::span<const uint8_t> indexes, int unit) {
  uint64_t elements = 0;
  uint64_t exceptions = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    if (indexes[i] != kSkippedIndex) continue;
    ++elements;
    exceptions += y[i] != 0 ? 1 : 0;
  }
  raw.add_exp_golomb(exceptions, 0);
  if (exceptions == 0) return;
  const int order = gap_order(elements, exceptions);
  uint64_t gap = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    if (indexes[i] != kSkippedIndex) continue;
    if (y[i] == 0) {
      ++gap;
      continue;
    }
    raw.add_exp_golomb(gap, order);
    raw.add_exp_golomb(number_of_nonzero(y[i] / unit), 0);
    gap = 0;
  }
}

// The state in as few bytes as will do, then the words, all little-endian. A state that needs 8 bytes becomes
// 4 bytes and a word, so that the number of bytes alone tells a decoder where the words begin.
std::vector<uint8_t> to_bytes(const Pusher& pusher) {
  std::vector<uint32_t> words = pusher.words();
  uint64_t state = pusher.state();
  if (state >> 56 != 0) {
    words.push_back(static_cast<uint32_t>(state));
    state >>= 32;
  }
  std::vector<uint8_t> bytes;
  bytes.reserve(8 + 4 * words.size());
  for (; state != 0; state >>= 8) bytes.push_back(static_cast<uint8_t>(state));
  for (size_t w = words.size(); w-- > 0;) {
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(words[w] >> shift));
  }
  return bytes;
}

}  // namespace

Result<std::vector<uint8_t>> encode_layer(const LayerSymbols& symbols, const CdfTables& z_tables,
                                          const CdfTables& y_tables) {
  if (Status s = check_z(symbols.z.size(), z_tables); !s) return s.error();
  if (Status s = check_y(symbols, y_tables); !s) return s.error();
  if (Status s = check_coefficients(symbols.coefficients.size(), symbols.directions); !s) return s.error();
  Pusher pusher(0);
  RawBits raw;
  add_exceptions(raw, symbols.y, symbols.indexes, symbols.trellis ? kExceptionLevels : 1);
  raw.flush_to(pusher);
  if (symbols.trellis) {
    if (Status s = push_levels(pusher, y_tables, *symbols.trellis, symbols.indexes, symbols.y); !s) {
      return s.error();
    }
  } else {
    for (size_t i = symbols.y.size(); i-- > 0;) {
      if (symbols.indexes[i] == kSkippedIndex) continue;
      push_symbol(pusher, raw, y_tables.row(symbols.indexes[i]), symbols.y[i]);
    }
  }
  const size_t channels = z_tables.rows();
  for (size_t i = symbols.z.size(); i-- > 0;) {
    push_symbol(pusher, raw, z_tables.row(static_cast<int>(i % channels)), symbols.z[i]);
  }
  add_coefficients(raw, symbols.coefficients, symbols.directions);
  raw.flush_to(pusher);
  return to_bytes(pusher);
}

int coefficient_bits(std::span<const int32_t> coefficients) {
  const auto used = up_to_last(coefficients);
  int bits = exp_golomb_bits(used.size() + 1);
  for (const int32_t coefficient : used) bits += exp_golomb_bits(number_of(coefficient), kCoefficientOrder);
  return bits;
}

}  // namespace compass
