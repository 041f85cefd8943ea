#include "codec/arrived_bytes.h"

#include <algorithm>
#include <iterator>

namespace compass {

void ArrivedBytes::add(uint64_t offset, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const uint64_t known = from(offset).size();
    if (known >= bytes.size()) return;
    offset += known;
    bytes = bytes.subspan(known);
    // What is new goes up to the next piece, and onto the end of the piece before if they touch.
    const auto next = pieces_.upper_bound(offset);
    const uint64_t gap = next == pieces_.end() ? bytes.size() : next->first - offset;
    const auto fresh = bytes.first(std::min<uint64_t>(gap, bytes.size()));
    auto piece = next;
    if (next == pieces_.begin() || std::prev(next)->first + std::prev(next)->second.size() != offset) {
      piece = pieces_.try_emplace(next, offset);
    } else {
      --piece;
    }
    piece->second.insert(piece->second.end(), fresh.begin(), fresh.end());
    if (fresh.size() == gap && next != pieces_.end()) {
      piece->second.insert(piece->second.end(), next->second.begin(), next->second.end());
      pieces_.erase(next);
    }
    offset += fresh.size();
    bytes = bytes.subspan(fresh.size());
  }
}

std::span<const uint8_t> ArrivedBytes::from(uint64_t offset) const {
  auto piece = pieces_.upper_bound(offset);
  if (piece == pieces_.begin()) return {};
  --piece;
  const uint64_t skipped = offset - piece->first;
  if (skipped >= piece->second.size()) return {};
  return std::span<const uint8_t>(piece->second).subspan(skipped);
}

Result<size_t> ArrivedSource::read(std::span<uint8_t> out) {
  const auto there = bytes_.from(at_);
  const size_t count = std::min(out.size(), there.size());
  std::copy_n(there.begin(), count, out.begin());
  at_ += count;
  return count;
}

}  // namespace compass
