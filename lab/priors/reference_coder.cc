#include "priors/reference_coder.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "entropy/escape.h"
#include "entropy/rans.h"

namespace compass {
namespace {

constexpr int kGroupBits = 4;
constexpr uint32_t kMoreGroups = 15;  // a count of 15 says that another count follows
constexpr uint32_t kMaxGroups = 9;    // 33 bits hold every escape_value()
constexpr size_t kHeadBytes = 8;

Error damaged(const char* what) {
  return {ErrorCode::kBadFile, std::string("entropy-coded string: ") + what};
}

Status check_indexes(std::span<const uint8_t> indexes, size_t symbols, const CdfTables& tables) {
  if (indexes.size() != symbols) return Error{ErrorCode::kFailure, "as many indexes as symbols are needed"};
  for (const uint8_t index : indexes) {
    if (index >= tables.rows()) return Error{ErrorCode::kFailure, "a scale index has no entropy table"};
  }
  return {};
}

Status check_channels(size_t symbols, const CdfTables& tables) {
  if (tables.rows() == 0 ? symbols != 0 : symbols % tables.rows() != 0) {
    return Error{ErrorCode::kFailure, "the symbols are not a multiple of the entropy tables' channels"};
  }
  return {};
}

void push_escape(rans::Pusher& pusher, uint64_t value) {
  const int groups = (std::bit_width(value) + kGroupBits - 1) / kGroupBits;
  for (int g = groups; g-- > 0;) {
    pusher.push_bits(static_cast<uint32_t>(value >> (g * kGroupBits)) & 15, kGroupBits);
  }
  pusher.push_bits(groups, kGroupBits);  // at most 9, so never the count 15 that asks for another
}

template <typename RowOf>
std::vector<uint8_t> encode(std::span<const int32_t> symbols, const CdfTables& tables, RowOf row_of) {
  rans::Pusher pusher(rans::kLow);
  for (size_t i = symbols.size(); i-- > 0;) {
    const CdfRow row = tables.row(row_of(i));
    const int slot = row.slot_of(symbols[i]);
    if (slot == row.escape) push_escape(pusher, escape_value(row, symbols[i]));
    pusher.push(row.cdf[slot], row.cdf[slot + 1] - row.cdf[slot], kCdfBits);
  }
  std::vector<uint8_t> bytes;
  bytes.reserve(kHeadBytes + 4 * pusher.words().size());
  const auto put_word = [&bytes](uint32_t word) {
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(word >> shift));
  };
  put_word(static_cast<uint32_t>(pusher.state()));
  put_word(static_cast<uint32_t>(pusher.state() >> 32));
  std::for_each(pusher.words().rbegin(), pusher.words().rend(), put_word);
  return bytes;
}

// Reads an escape's number. False if no encoder writes it so: with a first group of 0, or longer than any
// symbol.
bool pop_escape(rans::Popper& popper, uint64_t* value) {
  uint32_t groups = 0;
  uint32_t count = 0;
  do {
    count = popper.pop_bits(kGroupBits);
    groups += count;
  } while (count == kMoreGroups && groups <= kMaxGroups);
  if (groups > kMaxGroups) return false;
  *value = 0;
  for (uint32_t g = 0; g < groups; ++g) {
    *value |= static_cast<uint64_t>(popper.pop_bits(kGroupBits)) << (g * kGroupBits);
  }
  return groups == 0 || *value >> ((groups - 1) * kGroupBits) != 0;
}

template <typename RowOf>
Status decode(std::span<const uint8_t> bytes, const CdfTables& tables, std::span<int32_t> symbols,
              RowOf row_of) {
  if (bytes.size() < kHeadBytes || bytes.size() % 4 != 0) return damaged("its length is impossible");
  uint64_t state = 0;
  for (size_t i = kHeadBytes; i-- > 0;) state = state << 8 | bytes[i];
  // An encoder's state never leaves these bounds. Otherwise a state with a word too few or too many would be
  // a second string for the same symbols.
  if (state < rans::kLow || state >> 63 != 0) return damaged("it begins with a state no encoder writes");
  rans::Popper popper(state, bytes.subspan(kHeadBytes));
  for (size_t i = 0; i < symbols.size(); ++i) {
    const CdfRow row = tables.row(row_of(i));
    const uint32_t at = popper.peek(kCdfBits);
    const auto above = std::upper_bound(row.cdf.begin(), row.cdf.end(), at);
    const int slot = static_cast<int>(above - row.cdf.begin()) - 1;
    popper.pop(at, row.cdf[slot], row.cdf[slot + 1] - row.cdf[slot], kCdfBits);
    symbols[i] = row.offset + slot;
    if (slot == row.escape) {
      uint64_t value = 0;
      if (!pop_escape(popper, &value)) return damaged("an escape is malformed");
      const auto symbol = escaped_symbol(row.offset, row.escape, value);
      if (!symbol) return damaged("a symbol does not fit in 32 bits");
      symbols[i] = *symbol;
    }
    if (popper.starved()) return damaged("it ends too early");
  }
  if (popper.words_left()) return damaged("bytes are left over");
  if (popper.state() != rans::kLow) return damaged("its symbols do not add up");
  return {};
}

}  // namespace

Result<std::vector<uint8_t>> reference_encode(std::span<const int32_t> symbols,
                                              std::span<const uint8_t> indexes, const CdfTables& tables) {
  if (Status s = check_indexes(indexes, symbols.size(), tables); !s) return s.error();
  return encode(symbols, tables, [indexes](size_t i) { return indexes[i]; });
}

Result<std::vector<uint8_t>> reference_encode(std::span<const int32_t> symbols, const CdfTables& tables) {
  if (Status s = check_channels(symbols.size(), tables); !s) return s.error();
  const size_t plane = symbols.empty() ? 1 : symbols.size() / tables.rows();
  return encode(symbols, tables, [plane](size_t i) { return static_cast<int>(i / plane); });
}

Status reference_decode(std::span<const uint8_t> bytes, std::span<const uint8_t> indexes,
                        const CdfTables& tables, std::span<int32_t> symbols) {
  if (Status s = check_indexes(indexes, symbols.size(), tables); !s) return s.error();
  return decode(bytes, tables, symbols, [indexes](size_t i) { return indexes[i]; });
}

Status reference_decode(std::span<const uint8_t> bytes, const CdfTables& tables, std::span<int32_t> symbols) {
  if (Status s = check_channels(symbols.size(), tables); !s) return s.error();
  const size_t plane = symbols.empty() ? 1 : symbols.size() / tables.rows();
  return decode(bytes, tables, symbols, [plane](size_t i) { return static_cast<int>(i / plane); });
}

}  // namespace compass
