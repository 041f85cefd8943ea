#include "entropy/layer_coder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "entropy/escape.h"
#include "entropy/exp_golomb.h"

namespace compass {
namespace {

using rans::Popper;
using rans::Pusher;

// Elements with this scale index are zero but for a list of exceptions.
constexpr uint8_t kSkippedIndex = 0;

// y is decoded in stretches whose positions fit in the first-level cache.
constexpr size_t kStretch = 4096;

Error damaged(const char* what) {
  return {ErrorCode::kBadFile, std::string("layer stream: ") + what};
}

Status check_z(size_t symbols, const CdfTables& tables) {
  if (tables.rows() == 0 ? symbols != 0 : symbols % tables.rows() != 0) {
    return Error{ErrorCode::kFailure, "z is not a multiple of its entropy tables' channels"};
  }
  return {};
}

Status check_coefficients(size_t coefficients, size_t directions) {
  if (coefficients == 0 || (directions > 0 && coefficients % directions == 0)) return {};
  return Error{ErrorCode::kFailure, "coefficients that are not so many for each region"};
}

Status check_y(size_t symbols, std::span<const uint8_t> indexes, const CdfTables& tables) {
  if (indexes.size() != symbols) return Error{ErrorCode::kFailure, "y needs as many indexes as symbols"};
  uint8_t highest = 0;
  for (const uint8_t index : indexes) highest = std::max(highest, index);
  if (!indexes.empty() && highest >= tables.rows()) {
    return Error{ErrorCode::kFailure, "a scale index has no entropy table"};
  }
  return {};
}

// ---- Encoding: everything is pushed in the reverse of the order in which it will be popped. ----

void push_symbol(Pusher& pusher, RawBits& raw, const CdfRow& row, int32_t symbol) {
  const int slot = row.slot_of(symbol);
  if (slot == row.escape) {
    raw.add_exp_golomb(escape_value(row, symbol), 0);
    raw.flush_to(pusher);
  }
  pusher.push(row.cdf[slot], row.cdf[slot + 1] - row.cdf[slot], kCdfBits);
}

// The order of the Exp-Golomb code of the loop filter's coefficients.
constexpr int kCoefficientOrder = 1;

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

// The order of the Exp-Golomb code of the gaps between `exceptions` among `elements`: about log2 of the mean
// gap.
int gap_order(uint64_t elements, uint64_t exceptions) {
  return static_cast<int>(std::bit_width(elements / exceptions)) - 1;
}

// Numbers every integer but 0: 1, -1, 2, -2, ...
uint64_t number_of_nonzero(int32_t symbol) {
  const int64_t v = symbol;
  return static_cast<uint64_t>(v > 0 ? 2 * (v - 1) : -2 * (v + 1) + 1);
}

void add_exceptions(RawBits& raw, std::span<const int32_t> y, std::span<const uint8_t> indexes) {
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
    raw.add_exp_golomb(number_of_nonzero(y[i]), 0);
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

// ---- Decoding ----

// Finds the slot of `at` among a bucket's slots, pops it, and an escape's number after it.
bool pop_searched(Popper& popper, const CdfRow& row, uint32_t at, const CdfBucket& bucket, int32_t* symbol) {
  const auto first = row.cdf.begin() + bucket.start + 1;
  const auto last = row.cdf.begin() + bucket.freq + 1;
  const int slot = static_cast<int>(std::upper_bound(first, last, at) - row.cdf.begin()) - 1;
  popper.pop(at, row.cdf[slot], row.cdf[slot + 1] - row.cdf[slot], kCdfBits);
  *symbol = row.offset + slot;
  if (slot != row.escape) return true;
  uint64_t value = 0;
  if (!pop_exp_golomb(popper, 0, &value)) return false;
  const auto escaped = escaped_symbol(row.offset, row.escape, value);
  *symbol = escaped.value_or(0);
  return escaped.has_value();
}

// A row as the inner loop wants it.
struct HotRow {
  const CdfBucket* buckets = nullptr;
  int shift = 0;
  int32_t offset = 0;
};

std::vector<HotRow> hot_rows(const CdfTables& tables) {
  std::vector<HotRow> rows(tables.rows());
  for (int r = 0; r < tables.rows(); ++r) {
    rows[r] = {tables.lookup(r).first, tables.lookup(r).shift, tables.row(r).offset};
  }
  return rows;
}

// Pops `count` symbols: number k has row row_of(k) and goes to *out(k). False if one is malformed.
template <typename RowOf, typename Out>
inline bool pop_symbols(Popper& state, const CdfTables& tables, const HotRow* rows, size_t count,
                        RowOf row_of, Out out) {
  Popper popper = state;  // a local copy stays in registers
  for (size_t k = 0; k < count; ++k) {
    const HotRow& row = rows[row_of(k)];
    const uint32_t at = popper.peek(kCdfBits);
    const CdfBucket bucket = row.buckets[at >> row.shift];
    if (bucket.slot != CdfBucket::kSearch) [[likely]] {
      popper.pop(at, bucket.start, bucket.freq, kCdfBits);
      *out(k) = row.offset + bucket.slot;
      continue;
    }
    Popper copy = popper;
    if (!pop_searched(copy, tables.row(static_cast<int>(row_of(k))), at, bucket, out(k))) return false;
    popper = copy;
  }
  state = popper;
  return true;
}

// The positions of the elements that are coded; returns how many there are.
size_t coded_positions(std::span<const uint8_t> indexes, uint16_t* positions) {
  size_t count = 0;
  size_t i = 0;
  for (; i + 8 <= indexes.size(); i += 8) {
    uint64_t eight = 0;
    std::memcpy(&eight, indexes.data() + i, 8);
    if (eight == 0) continue;
    for (size_t j = i; j < i + 8; ++j) {
      positions[count] = static_cast<uint16_t>(j);
      count += indexes[j] != kSkippedIndex ? 1 : 0;
    }
  }
  for (; i < indexes.size(); ++i) {
    positions[count] = static_cast<uint16_t>(i);
    count += indexes[i] != kSkippedIndex ? 1 : 0;
  }
  return count;
}

// The inner loop of y. Not inlined: the compiler has enough registers for it only if it stands alone.
[[gnu::noinline]] bool pop_stretch(Popper& popper, const CdfTables& tables, const HotRow* rows,
                                   std::span<const uint16_t> positions, const uint8_t* indexes, int32_t* y) {
  return pop_symbols(
      popper, tables, rows, positions.size(), [=](size_t k) { return indexes[positions[k]]; },
      [=](size_t k) { return y + positions[k]; });
}

}  // namespace

Result<std::vector<uint8_t>> encode_layer(const LayerSymbols& symbols, const CdfTables& z_tables,
                                          const CdfTables& y_tables) {
  if (Status s = check_z(symbols.z.size(), z_tables); !s) return s.error();
  if (Status s = check_y(symbols.y.size(), symbols.indexes, y_tables); !s) return s.error();
  if (Status s = check_coefficients(symbols.coefficients.size(), symbols.directions); !s) return s.error();
  Pusher pusher(0);
  RawBits raw;
  add_exceptions(raw, symbols.y, symbols.indexes);
  raw.flush_to(pusher);
  for (size_t i = symbols.y.size(); i-- > 0;) {
    if (symbols.indexes[i] == kSkippedIndex) continue;
    push_symbol(pusher, raw, y_tables.row(symbols.indexes[i]), symbols.y[i]);
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

Result<LayerDecoder> LayerDecoder::open(std::span<const uint8_t> bytes) {
  const size_t head = bytes.size() < 4 ? bytes.size() : 4 + bytes.size() % 4;
  uint64_t state = 0;
  for (size_t i = head; i-- > 0;) state = state << 8 | bytes[i];
  if (head > 0 && bytes[head - 1] == 0) return damaged("it begins with a state no encoder writes");
  return LayerDecoder(Popper(state, bytes.subspan(head)));
}

Status LayerDecoder::decode_coefficients(size_t directions, std::span<int32_t> coefficients) {
  if (Status s = check_coefficients(coefficients.size(), directions); !s) return s;
  for (size_t i = 0; i < coefficients.size(); i += directions) {
    const auto own = coefficients.subspan(i, directions);
    uint64_t used = 0;
    if (!pop_exp_golomb(popper_, 0, &used) || used > directions + 1) {
      return damaged("the coefficients of the loop filter are malformed");
    }
    std::ranges::fill(own, 0);
    if (used == 0) {
      if (i > 0) std::ranges::copy(coefficients.subspan(i - directions, directions), own.begin());
      continue;
    }
    for (int32_t& coefficient : own.first(used - 1)) {
      uint64_t number = 0;
      if (!pop_exp_golomb(popper_, kCoefficientOrder, &number) ||
          number > 2 * uint64_t{kMaxFilterCoefficient}) {
        return damaged("a coefficient of the loop filter is malformed");
      }
      const auto half = static_cast<int32_t>((number + 1) / 2);
      coefficient = number % 2 != 0 ? half : -half;
    }
  }
  return {};
}

Status LayerDecoder::decode_z(const CdfTables& tables, std::span<int32_t> z) {
  if (Status s = check_z(z.size(), tables); !s) return s;
  const std::vector<HotRow> rows = hot_rows(tables);
  for (size_t i = 0; i < z.size(); i += rows.size()) {
    if (!pop_symbols(
            popper_, tables, rows.data(), rows.size(), [](size_t c) { return c; },
            [position = &z[i]](size_t c) { return position + c; })) {
      return damaged("a symbol of z is malformed");
    }
  }
  return {};
}

namespace {

// Where y's symbols go: `stretch` takes a run of them, in which skipped elements are 0, from position `first`
// on; `exception` replaces one of those zeros.
struct SymbolSink {
  std::span<int32_t> y;
  void stretch(size_t first, std::span<const int32_t> symbols) const {
    std::copy(symbols.begin(), symbols.end(), y.begin() + static_cast<std::ptrdiff_t>(first));
  }
  void exception(size_t i, int32_t symbol) const { y[i] = symbol; }
};

struct MeanSink {
  std::span<float> means;
  void stretch(size_t first, std::span<const int32_t> symbols) const {
    float* out = means.data() + first;
    for (size_t i = 0; i < symbols.size(); ++i) out[i] += static_cast<float>(symbols[i]);
  }
  void exception(size_t i, int32_t symbol) const { means[i] += static_cast<float>(symbol); }
};

}  // namespace

Status LayerDecoder::decode_y(const CdfTables& tables, std::span<const uint8_t> indexes,
                              std::span<int32_t> y) {
  return decode_y_into(tables, indexes, y.size(), SymbolSink{y});
}

Status LayerDecoder::decode_y_onto(const CdfTables& tables, std::span<const uint8_t> indexes,
                                   std::span<float> means) {
  return decode_y_into(tables, indexes, means.size(), MeanSink{means});
}

template <typename Sink>
Status LayerDecoder::decode_y_into(const CdfTables& tables, std::span<const uint8_t> indexes, size_t count,
                                   const Sink& sink) {
  if (Status s = check_y(count, indexes, tables); !s) return s;
  const std::vector<HotRow> rows = hot_rows(tables);
  std::array<uint16_t, kStretch> positions;
  std::array<int32_t, kStretch> symbols;
  size_t zeros = 0;
  for (size_t first = 0; first < count; first += kStretch) {
    const auto stretch = indexes.subspan(first, std::min(kStretch, count - first));
    const size_t coded = coded_positions(stretch, positions.data());
    zeros += stretch.size() - coded;
    std::fill_n(symbols.begin(), stretch.size(), 0);
    if (!pop_stretch(popper_, tables, rows.data(), {positions.data(), coded}, stretch.data(),
                     symbols.data())) {
      return damaged("a symbol of y is malformed");
    }
    sink.stretch(first, std::span<const int32_t>(symbols).first(stretch.size()));
  }
  if (Status s = decode_exceptions(indexes, zeros, sink); !s) return s;
  if (popper_.words_left()) return damaged("bytes are left over");
  if (popper_.state() != 0) return damaged("its symbols do not add up");
  return {};
}

template <typename Sink>
Status LayerDecoder::decode_exceptions(std::span<const uint8_t> indexes, size_t zeros, const Sink& sink) {
  uint64_t left = 0;
  if (!pop_exp_golomb(popper_, 0, &left) || left > zeros) return damaged("the exceptions are malformed");
  if (left == 0) return {};
  const int order = gap_order(zeros, left);
  size_t i = 0;
  for (; left > 0; --left, ++i) {
    uint64_t gap = 0;
    uint64_t number = 0;
    if (!pop_exp_golomb(popper_, order, &gap) || !pop_exp_golomb(popper_, 0, &number)) {
      return damaged("an exception is malformed");
    }
    const int64_t half = static_cast<int64_t>(number >> 1);
    const int64_t symbol = (number & 1) != 0 ? -half - 1 : half + 1;
    if (symbol != static_cast<int32_t>(symbol)) return damaged("an exception does not fit in 32 bits");
    // To the element `gap` skipped ones after the last exception.
    for (;; ++i) {
      if (i == indexes.size()) return damaged("an exception is out of place");
      if (indexes[i] == kSkippedIndex && gap-- == 0) break;
    }
    sink.exception(i, static_cast<int32_t>(symbol));
  }
  return {};
}

}  // namespace compass
