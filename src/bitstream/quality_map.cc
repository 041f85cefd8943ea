#include "bitstream/quality_map.h"

#include <algorithm>
#include <string>

#include "bitstream/bit_io.h"

namespace compass {
namespace {

constexpr int kRunOrder = 1;         // of the Exp-Golomb numbers that count squares as predicted
constexpr int kDifferenceOrder = 1;  // and of those that say by how much one is not

size_t count_of(Size layer) {
  const Size squares = quality_squares(layer);
  return static_cast<size_t>(squares.width) * static_cast<size_t>(squares.height);
}

// The median of the left and the upper neighbour and their sum less the one between them (as in JPEG-LS):
// follows an edge in either direction. 0 stands for neighbours that do not exist.
int predicted(std::span<const int8_t> offsets, size_t i, size_t columns) {
  const int left = i % columns > 0 ? offsets[i - 1] : 0;
  const int above = i >= columns ? offsets[i - columns] : 0;
  const int corner = i % columns > 0 && i >= columns ? offsets[i - columns - 1] : 0;
  return std::max(std::min(left, above), std::min(std::max(left, above), left + above - corner));
}

Error bad(const char* what) {
  return {ErrorCode::kBadFile, std::string("the quality map is damaged: ") + what};
}

}  // namespace

Result<std::vector<uint8_t>> serialise_quality_map(const QualityMap& map, Size layer) {
  if (map.empty()) return std::vector<uint8_t>{};
  if (map.offsets.size() != count_of(layer)) {
    return Error{ErrorCode::kUsage, "a quality map has " + std::to_string(map.offsets.size()) +
                                        " squares, its layer " + std::to_string(count_of(layer))};
  }
  const auto possible = [](int8_t offset) {
    return offset >= -kMaxQualityOffset && offset <= kMaxQualityOffset;
  };
  if (!std::ranges::all_of(map.offsets, possible))
    return Error{ErrorCode::kUsage, "a quality offset is not -100 to 100"};
  if (std::ranges::all_of(map.offsets, [](int8_t offset) { return offset == 0; }))
    return std::vector<uint8_t>{};
  const auto columns = static_cast<size_t>(quality_squares(layer).width);
  BitWriter out;
  uint64_t run = 0;
  for (size_t i = 0; i < map.offsets.size(); ++i) {
    const int difference = map.offsets[i] - predicted(map.offsets, i, columns);
    if (difference == 0) {
      ++run;
      continue;
    }
    out.exp_golomb(run, kRunOrder);
    // 1, -1, 2, -2, ... are 0, 1, 2, 3, ...
    out.exp_golomb(static_cast<uint64_t>(difference > 0 ? 2 * difference - 2 : -2 * difference - 1),
                   kDifferenceOrder);
    run = 0;
  }
  out.exp_golomb(run, kRunOrder);  // to the end of the map, or 0 there
  return out.finish();
}

Result<QualityMap> parse_quality_map(std::span<const uint8_t> bytes, Size layer) {
  if (bytes.empty()) return QualityMap{};
  const auto columns = static_cast<size_t>(quality_squares(layer).width);
  const size_t count = count_of(layer);
  BitReader in(bytes);
  QualityMap map;
  map.offsets.reserve(count);
  for (;;) {
    const uint64_t run = in.exp_golomb(kRunOrder);
    if (run > count - map.offsets.size()) return bad("it has too many squares");
    for (uint64_t n = 0; n < run; ++n) {
      map.offsets.push_back(static_cast<int8_t>(predicted(map.offsets, map.offsets.size(), columns)));
    }
    if (map.offsets.size() == count) break;
    const uint64_t number = in.exp_golomb(kDifferenceOrder);
    if (in.is_short()) return bad("it ends early");
    if (number > 4 * kMaxQualityOffset) return bad("an offset is out of range");
    const int difference = static_cast<int>(number % 2 == 0 ? number / 2 + 1 : 0) -
                           static_cast<int>(number % 2 == 0 ? 0 : number / 2 + 1);
    const int offset = predicted(map.offsets, map.offsets.size(), columns) + difference;
    if (offset < -kMaxQualityOffset || offset > kMaxQualityOffset) return bad("an offset is out of range");
    map.offsets.push_back(static_cast<int8_t>(offset));
  }
  if (in.is_short() || !in.at_end()) return bad("it does not end where it should");
  if (std::ranges::all_of(map.offsets, [](int8_t offset) { return offset == 0; }))
    return bad("it says nothing");
  return map;
}

uint64_t max_quality_map_bytes(Size layer) {
  return 16 + 4 * static_cast<uint64_t>(count_of(layer));  // at most 2 + 16 bits a square
}

}  // namespace compass
