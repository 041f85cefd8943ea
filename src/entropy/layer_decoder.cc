// Decoding a layer's stream.
#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "entropy/exp_golomb.h"
#include "entropy/layer_coder.h"
#include "entropy/layer_stream.h"
#include "entropy/symbol_coder.h"
#include "entropy/trellis_coder.h"

namespace compass {
namespace {

using rans::Popper;

// y is decoded in stretches whose positions fit in the first-level cache.
constexpr size_t kStretch = 4096;

Error damaged(const char* what) {
  return {ErrorCode::kBadFile, std::string("layer stream: ") + what};
}

// A row as the inner loop wants it.
struct HotRow {
  const CdfBucket* buckets = nullptr;
  int shift = 0;
};

std::vector<HotRow> hot_rows(const CdfTables& tables) {
  if (tables.use() == CdfTables::Use::kTrellis) return {};  // these have no symbols that stand alone
  std::vector<HotRow> rows(tables.rows());
  for (int r = 0; r < tables.rows(); ++r) {
    rows[r] = {tables.lookup(r).first, tables.lookup(r).shift};
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
    if (bucket.search == 0) [[likely]] {
      popper.pop(at, bucket.start, bucket.freq, kCdfBits);
      *out(k) = bucket.symbol;
      continue;
    }
    Popper copy = popper;
    if (!pop_searched(copy, tables.row(static_cast<int>(row_of(k))), at, bucket.start, bucket.freq, out(k))) {
      return false;
    }
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
  float coefficient = 1.0F;
  void stretch(size_t first, std::span<const int32_t> symbols) const {
    float* out = means.data() + first;
    for (size_t i = 0; i < symbols.size(); ++i) out[i] += static_cast<float>(symbols[i]);
  }
  void exception(size_t i, int32_t symbol) const { means[i] += coefficient * static_cast<float>(symbol); }
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
  if (Status s = decode_exceptions(indexes, zeros, 1, sink); !s) return s;
  return check_end();
}

Status LayerDecoder::check_end() const {
  if (popper_.words_left()) return damaged("bytes are left over");
  if (popper_.state() != 0) return damaged("its symbols do not add up");
  return {};
}

Status LayerDecoder::decode_levels(const CdfTables& tables, const TrellisLayout& layout,
                                   std::span<const uint8_t> indexes, std::span<int32_t> levels) {
  if (Status s = check_trellis(layout, tables, levels.size(), indexes); !s) return s;
  std::ranges::fill(levels, 0);
  if (!pop_levels(popper_, tables, layout, indexes, levels)) return damaged("a symbol of y is malformed");
  const auto zeros = static_cast<size_t>(std::ranges::count(indexes, kSkippedIndex));
  const auto sink = SymbolSink{levels};
  if (Status s = decode_exceptions(indexes, zeros, kExceptionLevels, sink); !s) return s;
  return check_end();
}

Status LayerDecoder::decode_levels_onto(const CdfTables& tables, const TrellisLayout& layout,
                                        std::span<const uint8_t> indexes, float coefficient,
                                        std::span<float> means) {
  if (Status s = check_trellis(layout, tables, means.size(), indexes); !s) return s;
  if (!pop_levels_onto(popper_, tables, layout, indexes, coefficient, means)) {
    return damaged("a symbol of y is malformed");
  }
  const auto zeros = static_cast<size_t>(std::ranges::count(indexes, kSkippedIndex));
  const auto sink = MeanSink{means, coefficient};
  if (Status s = decode_exceptions(indexes, zeros, kExceptionLevels, sink); !s) return s;
  return check_end();
}

template <typename Sink>
Status LayerDecoder::decode_exceptions(std::span<const uint8_t> indexes, size_t zeros, int unit,
                                       const Sink& sink) {
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
    const int64_t symbol = unit * ((number & 1) != 0 ? -half - 1 : half + 1);
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
