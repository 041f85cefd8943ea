#include "entropy/cdf_tables.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <string>

#include "entropy/trellis.h"

namespace compass {
namespace {

Error bad(size_t row, const std::string& what) {
  return {ErrorCode::kBadFile, "entropy table row " + std::to_string(row) + ": " + what};
}

Status check_counts(std::span<const int32_t> lengths, std::span<const int32_t> offsets) {
  if (lengths.size() != offsets.size()) {
    return Error{ErrorCode::kBadFile, "entropy tables have " + std::to_string(lengths.size()) +
                                          " lengths but " + std::to_string(offsets.size()) + " offsets"};
  }
  return {};
}

}  // namespace

Status CdfTables::append(std::span<const int32_t> cdf, int32_t offset) {
  const size_t row = rows_.size();
  // Every slot has a frequency of at least 1, so a row cannot have more than 65536 slots.
  if (cdf.size() < 2 || cdf.size() > kCdfTotal + 1) {
    return bad(row, "length " + std::to_string(cdf.size()) + " is outside 2..65537");
  }
  if (cdf.front() != 0) return bad(row, "starts at " + std::to_string(cdf.front()) + ", not at 0");
  if (cdf.back() != static_cast<int32_t>(kCdfTotal)) {
    return bad(row, "ends at " + std::to_string(cdf.back()) + ", not at 65536");
  }
  for (size_t i = 1; i < cdf.size(); ++i) {
    if (cdf[i] <= cdf[i - 1]) return bad(row, "does not rise at entry " + std::to_string(i));
  }
  const int escape = static_cast<int>(cdf.size()) - 2;
  if (offset > std::numeric_limits<int32_t>::max() - escape) return bad(row, "symbols overflow 32 bits");
  Row added{cdf_.size(), escape, offset};
  cdf_.insert(cdf_.end(), cdf.begin(), cdf.end());
  if (use_ == Use::kSymbols) append_buckets(added);
  rows_.push_back(added);
  return {};
}

namespace {

// 16 buckets a slot leave about one symbol in fifty to a search; more than 1024 would crowd out the cache.
int bucket_shift(int escape) {
  return kCdfBits - std::clamp<int>(std::bit_width(static_cast<uint32_t>(escape)) + 4, 4, 10);
}

// Calls take(first slot, last slot) for the buckets of a row, in order.
template <typename Take>
void for_buckets(const uint32_t* cdf, int shift, const Take& take) {
  uint32_t slot = 0;
  for (uint32_t begin = 0; begin < kCdfTotal; begin += 1U << shift) {
    const uint32_t end = begin + (1U << shift);
    while (cdf[slot + 1] <= begin) ++slot;
    uint32_t last = slot;
    while (cdf[last + 1] < end) ++last;
    take(slot, last);
  }
}

}  // namespace

void CdfTables::append_buckets(Row& row) {
  row.bucket_shift = bucket_shift(row.escape);
  row.first_bucket = buckets_.size();
  const uint32_t* cdf = cdf_.data() + row.first;
  for_buckets(cdf, row.bucket_shift, [&](uint32_t slot, uint32_t last) {
    const auto symbol = static_cast<int64_t>(row.offset) + slot;
    if (slot == last && slot != static_cast<uint32_t>(row.escape) && symbol == static_cast<int16_t>(symbol)) {
      buckets_.push_back({static_cast<int16_t>(symbol), static_cast<uint16_t>(cdf[slot]),
                          static_cast<uint16_t>(cdf[slot + 1] - cdf[slot]), 0});
    } else {
      buckets_.push_back({0, static_cast<uint16_t>(slot), static_cast<uint16_t>(last), 1});
    }
  });
}

void CdfTables::append_pairs() {
  const size_t half = rows_.size() / 2;
  for (size_t r = 0; r < half; ++r) {
    const int shift = bucket_shift(std::max(rows_[r].escape, rows_[r + half].escape));
    rows_[r].bucket_shift = rows_[r + half].bucket_shift = shift;
    rows_[r].first_bucket = rows_[r + half].first_bucket = pairs_.size();
    for (int quantiser = 0; quantiser < 2; ++quantiser) {
      const Row& row = rows_[r + quantiser * half];
      const uint32_t* cdf = cdf_.data() + row.first;
      for_buckets(cdf, shift, [&](uint32_t slot, uint32_t last) {
        const auto symbol = static_cast<int64_t>(row.offset) + slot;
        const int64_t level = level_of(quantiser, symbol);
        if (slot == last && slot != static_cast<uint32_t>(row.escape) &&
            level == static_cast<int16_t>(level)) {
          pairs_.push_back({static_cast<int16_t>(level), static_cast<uint16_t>(cdf[slot]),
                            static_cast<uint16_t>(cdf[slot + 1] - cdf[slot]),
                            static_cast<int16_t>(-(symbol & 1))});
        } else {
          pairs_.push_back(
              {0, static_cast<uint16_t>(slot), static_cast<uint16_t>(last), PairBucket::kSearch});
        }
      });
    }
  }
}

Result<CdfTables> CdfTables::from_padded(std::span<const int32_t> cdf, std::span<const int32_t> lengths,
                                         std::span<const int32_t> offsets) {
  if (Status s = check_counts(lengths, offsets); !s) return s.error();
  const size_t rows = lengths.size();
  if (rows == 0 ? !cdf.empty() : cdf.size() % rows != 0) {
    return Error{ErrorCode::kBadFile, "entropy table of " + std::to_string(cdf.size()) +
                                          " entries is not a matrix of " + std::to_string(rows) + " rows"};
  }
  const size_t stride = rows == 0 ? 0 : cdf.size() / rows;
  CdfTables tables;
  for (size_t r = 0; r < rows; ++r) {
    if (lengths[r] < 2 || static_cast<size_t>(lengths[r]) > stride) {
      return bad(r, "length " + std::to_string(lengths[r]) + " is outside 2.." + std::to_string(stride));
    }
    if (Status s = tables.append(cdf.subspan(r * stride, lengths[r]), offsets[r]); !s) return s.error();
  }
  return tables;
}

Result<CdfTables> CdfTables::from_ragged(std::span<const int32_t> cdf, std::span<const int32_t> lengths,
                                         std::span<const int32_t> offsets, Use use) {
  if (Status s = check_counts(lengths, offsets); !s) return s.error();
  if (use == Use::kTrellis && lengths.size() % 2 != 0) {
    return Error{ErrorCode::kBadFile, "entropy tables of a trellis have an odd number of rows"};
  }
  CdfTables tables;
  tables.use_ = use;
  std::vector<int32_t> row;
  size_t first = 0;
  for (size_t r = 0; r < lengths.size(); ++r) {
    if (lengths[r] < 2 || static_cast<size_t>(lengths[r]) > cdf.size() - first) {
      return bad(r, "length " + std::to_string(lengths[r]) + " does not fit the table's " +
                        std::to_string(cdf.size()) + " entries");
    }
    row.assign(cdf.begin() + first, cdf.begin() + first + lengths[r]);
    if (row.back() == 0) row.back() = kCdfTotal;
    if (Status s = tables.append(row, offsets[r]); !s) return s.error();
    first += lengths[r];
  }
  if (first != cdf.size()) {
    return Error{ErrorCode::kBadFile, "entropy tables have " + std::to_string(cdf.size()) +
                                          " entries, but their rows use " + std::to_string(first)};
  }
  if (use == Use::kTrellis) tables.append_pairs();
  return tables;
}

CdfTables CdfTables::behind_spare_row() const {
  CdfTables tables;
  // These rows are checked, and the spare one is an escape alone: no append can fail.
  (void)tables.append(std::array<int32_t, 2>{0, kCdfTotal}, 0);
  std::vector<int32_t> cdf;
  for (int r = 0; r < rows(); ++r) {
    const CdfRow from = row(r);
    cdf.assign(from.cdf.begin(), from.cdf.end());
    (void)tables.append(cdf, from.offset);
  }
  return tables;
}

std::vector<int32_t> CdfTables::lengths() const {
  std::vector<int32_t> out;
  for (const Row& row : rows_) out.push_back(row.escape + 2);
  return out;
}

std::vector<int32_t> CdfTables::offsets() const {
  std::vector<int32_t> out;
  for (const Row& row : rows_) out.push_back(row.offset);
  return out;
}

}  // namespace compass
