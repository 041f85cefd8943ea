// Cumulative frequency tables: what an entropy coder knows about the symbols of each channel or scale.
//
// A row covers `symbols` consecutive integers, from `offset` on, and one last slot, the escape, which stands
// for every other integer. Frequencies are integers that sum to 65536 (16-bit precision), so two machines
// that hold the same tables code the same bits. Tables come out of the model file and are checked here, once.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"

namespace compass {

inline constexpr int kCdfBits = 16;
inline constexpr uint32_t kCdfTotal = 1U << kCdfBits;

// One row: slot s < escape stands for the symbol offset + s, slot `escape` for all others.
// Slot s owns the interval [cdf[s], cdf[s + 1]) of [0, 65536).
struct CdfRow {
  std::span<const uint32_t> cdf;  // escape + 2 entries, from 0 to 65536, strictly rising
  int32_t offset = 0;
  int escape = 0;  // the last slot

  // The slot that codes `symbol`.
  int slot_of(int32_t symbol) const {
    const int64_t slot = static_cast<int64_t>(symbol) - offset;
    return slot < 0 || slot >= escape ? escape : static_cast<int>(slot);
  }
};

// What a decoder finds in a row's lookup, which cuts [0, 65536) into equal buckets. If one slot owns the
// whole bucket, and its symbol fits in 16 bits, that symbol. If not, or if the slot is the escape, `search`
// is not 0 and the slots to search are start .. freq, both ends included.
struct CdfBucket {
  int16_t symbol = 0;
  uint16_t start = 0;  // cdf[slot]
  uint16_t freq = 0;   // cdf[slot + 1] - cdf[slot]
  uint16_t search = 0;
};

// The same where rows come in pairs, one for each quantiser of a trellis (entropy/trellis.h): both are cut
// alike, and instead of its symbol a bucket has the level that it means, and the symbol's lowest bit.
struct PairBucket {
  static constexpr int16_t kSearch = 1;
  int16_t level = 0;
  uint16_t start = 0;
  uint16_t freq = 0;
  int16_t odd = 0;  // 0 or -1, a mask; or kSearch
};

// A set of rows of different lengths. Immutable; reading it from several threads is safe.
class CdfTables {
 public:
  CdfTables() = default;

  // From a padded matrix [R,L] in C order, as the model file stores z's tables: row r uses the first
  // lengths[r] entries (2 <= lengths[r] <= L), its first symbol is offsets[r]. Errors: kBadFile naming the
  // row.
  static Result<CdfTables> from_padded(std::span<const int32_t> cdf, std::span<const int32_t> lengths,
                                       std::span<const int32_t> offsets);

  // From rows stored one after the other, as the model file stores the Gaussian rows. A row's last entry may
  // be 0 instead of 65536 (65536 does not fit in 16 bits). For a trellis there is an even number of rows, the
  // second half being the second quantiser's. Errors: kBadFile naming the row.
  enum class Use { kSymbols, kTrellis };
  static Result<CdfTables> from_ragged(std::span<const int32_t> cdf, std::span<const int32_t> lengths,
                                       std::span<const int32_t> offsets, Use use = Use::kSymbols);

  // The same rows behind one more, row 0, which nothing is to be coded with. Not of a trellis.
  CdfTables behind_spare_row() const;

  int rows() const { return static_cast<int>(rows_.size()); }
  CdfRow row(int r) const {
    const Row& row = rows_[r];
    return {{cdf_.data() + row.first, static_cast<size_t>(row.escape) + 2}, row.offset, row.escape};
  }

  Use use() const { return use_; }
  // Row r's buckets for decoding symbols: slot `at` of [0, 65536) falls into bucket first[at >> shift].
  struct Lookup {
    const CdfBucket* first = nullptr;
    int shift = 0;
  };
  Lookup lookup(int r) const { return {buckets_.data() + rows_[r].first_bucket, rows_[r].bucket_shift}; }

  // The same of rows r and r + rows() / 2, for a trellis: those of the second quantiser have 2^16 more.
  struct PairLookup {
    const PairBucket* first = nullptr;
    int shift = 0;
  };
  PairLookup pair(int r) const { return {pairs_.data() + rows_[r].first_bucket, rows_[r].bucket_shift}; }

  // The rows one after the other, their lengths and offsets: what from_ragged takes and an exporter stores.
  std::vector<int32_t> ragged_cdf() const { return {cdf_.begin(), cdf_.end()}; }
  std::vector<int32_t> lengths() const;
  std::vector<int32_t> offsets() const;

 private:
  struct Row {
    size_t first = 0;
    int escape = 0;
    int32_t offset = 0;
    int bucket_shift = 0;
    size_t first_bucket = 0;
  };
  Status append(std::span<const int32_t> cdf, int32_t offset);
  void append_buckets(Row& row);
  void append_pairs();

  std::vector<uint32_t> cdf_;
  Use use_ = Use::kSymbols;
  std::vector<CdfBucket> buckets_;
  std::vector<PairBucket> pairs_;
  std::vector<Row> rows_;
};

}  // namespace compass
