#include "codec/alpha_layers.h"

#include <algorithm>

#include "entropy/alpha_coder.h"
#include "image/resize.h"

namespace compass {
namespace {

// The pixels of the blocks that `part` has pixels of.
Rect blocks_around(Size layer, Rect part) {
  const Rect grid = alpha_blocks(part);
  const int x = grid.x * kAlphaBlockSide, y = grid.y * kAlphaBlockSide;
  return {x, y, std::min(grid.width * kAlphaBlockSide, layer.width - x),
          std::min(grid.height * kAlphaBlockSide, layer.height - y)};
}

}  // namespace

LayerStream encode_alpha_layer(PlaneView alpha, const AlphaBelow& below, ThreadPool& pool) {
  std::vector<std::vector<uint8_t>> blocks(static_cast<size_t>(alpha_grid(alpha.size).pixels()));
  pool.parallel_for(static_cast<int>(blocks.size()), [&](int i, int /*worker*/) {
    const Rect block = alpha_block(alpha.size, i);
    blocks[i] = encode_alpha(alpha.part(block), alpha.size, block, below);
  });
  return join_alpha(blocks);
}

std::vector<LayerStream> encode_alpha_layers(PlaneView alpha, const std::vector<Size>& sizes,
                                             ThreadPool& pool) {
  std::vector<LayerStream> streams;
  Plane last;
  AlphaBelow below;
  for (const Size size : sizes) {
    Plane plane;
    if (size != alpha.size) plane = resize(alpha, size, &pool);
    const PlaneView view = size != alpha.size ? plane.view() : alpha;
    streams.push_back(encode_alpha_layer(view, below, pool));
    last = std::move(plane);
    below = {size != alpha.size ? last.view() : alpha, whole(size), size};
  }
  return streams;
}

namespace {

// Errors: kDamaged, kIo.
Result<std::vector<BlockEntry>> read_index(const ContainerHeader& header, int k,
                                           const AlphaLayers::Read& read) {
  const auto bytes = read(header.layers[k].alpha_index());
  if (!bytes) return bytes.error();
  return read_alpha_index(header, k, *bytes);
}

}  // namespace

AlphaLayers::AlphaLayers(std::span<const LayerEntry> layers, const std::vector<Rect>& parts) {
  Rect needed;  // by the layer above
  for (size_t k = parts.size(); k-- > 0;) {
    const Size size = layers[k].size;
    const Rect held = blocks_around(size, united(parts[k], needed));
    layers_.push_back({size, parts[k], held, {}});
    if (k > 0) needed = alpha_below(size, held, layers[k - 1].size);
  }
  std::ranges::reverse(layers_);
}

Status AlphaLayers::receive(const ContainerHeader& header, int k, const Read& read) {
  const LayerEntry& entry = header.layers[k];
  Layer& layer = layers_[k];
  if (entry.alpha.index_bytes == 0) {  // the only block, or what all samples are
    const auto bytes = read(entry.all_alpha());
    if (!bytes) return bytes.error();
    if (const Status whole = verify_alpha(header, k, *bytes); !whole) return whole;
    for_needed(k, [&](size_t number) { layer.blocks.push_back({number, *bytes}); });
    return {};
  }
  const auto index = read_index(header, k, read);
  if (!index) return index.error();
  Status whole;
  for_needed(k, [&](size_t number) {
    if (!whole) return;
    auto bytes = read((*index)[number].range);
    whole = bytes ? verify_block((*index)[number], *bytes) : bytes.error();
    if (whole) layer.blocks.push_back({number, *std::move(bytes)});
  });
  if (whole || whole.error().code != ErrorCode::kDamaged) return whole;
  return Error{ErrorCode::kDamaged, "layer " + std::to_string(k) + ": its alpha: " + whole.error().message};
}

Result<std::vector<ByteRange>> AlphaLayers::ranges(const ContainerHeader& header, int k,
                                                   const Read& read) const {
  const LayerEntry& entry = header.layers[k];
  if (entry.alpha.index_bytes == 0) return std::vector{entry.all_alpha()};
  const auto index = read_index(header, k, read);
  if (!index) return index.error();
  std::vector<ByteRange> ranges{entry.alpha_index()};
  for_needed(k, [&](size_t number) { ranges.push_back((*index)[number].range); });
  return ranges;
}

Status AlphaLayers::decode_layer(const Layer& layer, const Layer* below, const Plane& samples_below,
                                 ThreadPool& pool, Plane& samples) const {
  AlphaBelow under;
  if (below != nullptr) under = {samples_below.view(), below->held, below->size};
  samples = Plane(layer.held.size());
  std::vector<Status> statuses(layer.blocks.size());
  pool.parallel_for(static_cast<int>(layer.blocks.size()), [&](int i, int /*worker*/) {
    const Rect block = alpha_block(layer.size, layer.blocks[i].number);
    uint8_t* const out = samples.row(block.y - layer.held.y) + (block.x - layer.held.x);
    statuses[i] = decode_alpha(layer.blocks[i].bytes, layer.size, block, under, out, samples.size.width);
  });
  const auto failed = std::ranges::find_if(statuses, [](const Status& status) { return !status.ok(); });
  return failed == statuses.end() ? Status() : *failed;
}

int AlphaLayers::decode(int count, ThreadPool& pool, Plane& part, std::vector<std::string>& damage) const {
  Plane last;
  int done = 0;
  for (; done < count; ++done) {
    Plane samples;
    const Layer* const below = done > 0 ? &layers_[done - 1] : nullptr;
    if (const Status status = decode_layer(layers_[done], below, last, pool, samples); !status) {
      damage.push_back("layer " + std::to_string(done) + ": " + status.error().message);
      break;
    }
    last = std::move(samples);
  }
  if (done == 0) return 0;
  const Layer& top = layers_[done - 1];
  part = Plane(top.part.size());
  for (int y = 0; y < top.part.height; ++y) {
    std::copy_n(last.row(top.part.y - top.held.y + y) + (top.part.x - top.held.x), top.part.width,
                part.row(y));
  }
  return done;
}

double AlphaLayers::memory(std::optional<Size> size) const {
  double most = 0.0;
  double below = 0.0;
  for (const Layer& layer : layers_) {
    const auto here = static_cast<double>(layer.held.size().pixels());
    most = std::max(most, below + here);
    below = here;
  }
  const auto part = static_cast<double>(layers_.back().part.size().pixels());
  const double scaled = size ? 5.0 * static_cast<double>(size->pixels()) : 0.0;  // in floats first
  return std::max(most + part, part + scaled);
}

}  // namespace compass
