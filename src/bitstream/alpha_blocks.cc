#include "bitstream/alpha_blocks.h"

#include <algorithm>
#include <string>

#include "bitstream/byte_io.h"
#include "bitstream/container.h"

namespace compass {

Rect alpha_block(Size layer, int64_t number) {
  const int columns = alpha_grid(layer).width;
  const int x = static_cast<int>(number % columns) * kAlphaBlockSide;
  const int y = static_cast<int>(number / columns) * kAlphaBlockSide;
  return {x, y, std::min(kAlphaBlockSide, layer.width - x), std::min(kAlphaBlockSide, layer.height - y)};
}

Rect alpha_blocks(Rect part) {
  const int x = part.x / kAlphaBlockSide;
  const int y = part.y / kAlphaBlockSide;
  return {x, y, (part.x + part.width - 1) / kAlphaBlockSide + 1 - x,
          (part.y + part.height - 1) / kAlphaBlockSide + 1 - y};
}

bool is_possible(Size layer, const AlphaEntry& alpha) {
  constexpr uint64_t kMostOfSample = 40;
  constexpr uint64_t kMostPixels = uint64_t{1} << 48;  // where products stay far from overflow
  const auto pixels = std::min(static_cast<uint64_t>(layer.pixels()), kMostPixels);
  if (alpha.bytes < 1 || alpha.bytes > kMostOfSample * pixels + kMaxBlockEntryBytes * pixels) return false;
  if (!has_alpha_index(layer, alpha.bytes)) return alpha.index_bytes == 0;
  const auto blocks = static_cast<uint64_t>(alpha_grid(layer).pixels());
  return alpha.index_bytes >= kMinBlockEntryBytes * blocks &&
         alpha.index_bytes <= kMaxBlockEntryBytes * blocks && alpha.bytes >= alpha.index_bytes + blocks;
}

Result<std::vector<BlockEntry>> parse_alpha_index(const LayerEntry& layer, std::span<const uint8_t> index) {
  const Error bad{ErrorCode::kDamaged, "the index of its alpha does not list its bytes"};
  // So many entries are there: memory grows with what has arrived.
  const auto count = static_cast<uint64_t>(alpha_grid(layer.size).pixels());
  if (index.size() != layer.alpha.index_bytes || index.size() < kMinBlockEntryBytes * count) return bad;
  ByteReader in(index);
  std::vector<BlockEntry> blocks;
  blocks.reserve(count);
  uint64_t at = layer.alpha_offset() + index.size();
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t bytes = in.varint();
    if (bytes < 1 || bytes > layer.end() - at) return bad;
    blocks.push_back({{at, bytes}, in.u32()});
    at += bytes;
  }
  if (in.is_short() || in.malformed() || in.at() != index.size() || at != layer.end()) return bad;
  return blocks;
}

LayerStream join_alpha(std::span<const std::vector<uint8_t>> blocks) {
  const std::vector<uint8_t>& first = blocks.front();
  const bool same = std::ranges::all_of(blocks, [&](const auto& block) { return block == first; });
  if (blocks.size() == 1 || (same && first.size() == 1)) return {first, 0};
  ByteWriter out;
  for (const auto& block : blocks) {
    out.varint(block.size());
    out.u32(checksum(block));
  }
  LayerStream stream{std::move(out.bytes()), 0};
  stream.index_bytes = stream.bytes.size();
  for (const auto& block : blocks) stream.bytes.insert(stream.bytes.end(), block.begin(), block.end());
  return stream;
}

}  // namespace compass
