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

AlphaStream encode_layer_alpha(PlaneView alpha, const AlphaBelow& below, ThreadPool& pool) {
  std::vector<std::vector<uint8_t>> blocks(static_cast<size_t>(alpha_grid(alpha.size).pixels()));
  pool.parallel_for(static_cast<int>(blocks.size()), [&](int i, int /*worker*/) {
    const Rect block = alpha_block(alpha.size, i);
    blocks[i] = encode_alpha(alpha.part(block), alpha.size, block, below);
  });
  return join_alpha(blocks);
}

}  // namespace

std::vector<AlphaStream> encode_alpha_layers(PlaneView alpha, const std::vector<Size>& sizes,
                                             ThreadPool& pool) {
  std::vector<AlphaStream> streams;
  Plane last;
  AlphaBelow below;
  for (const Size size : sizes) {
    Plane plane;
    if (size != alpha.size) plane = resize(alpha, size, &pool);
    const PlaneView view = size != alpha.size ? plane.view() : alpha;
    streams.push_back(encode_layer_alpha(view, below, pool));
    last = std::move(plane);
    below = {size != alpha.size ? last.view() : alpha, whole(size), size};
  }
  return streams;
}

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
  const Rect grid = alpha_blocks(layer.held);
  std::vector<AlphaBlock> index;
  if (entry.alpha.index_bytes > 0) {
    const auto bytes = read(entry.alpha_offset(), entry.alpha.index_bytes);
    if (!bytes) return bytes.error();
    auto parsed = read_alpha_index(header, k, *bytes);
    if (!parsed) return parsed.error();
    index = *std::move(parsed);
  }
  std::vector<uint8_t> same;  // without an index: the only block, or what all samples are
  if (index.empty()) {
    auto bytes = read(entry.alpha_offset(), entry.alpha.bytes);
    if (!bytes) return bytes.error();
    if (const Status whole = verify_alpha(header, k, *bytes); !whole) return whole;
    same = *std::move(bytes);
  }
  for (int y = grid.y; y < grid.y + grid.height; ++y) {
    for (int x = grid.x; x < grid.x + grid.width; ++x) {
      const int64_t number = int64_t{y} * alpha_grid(layer.size).width + x;
      if (index.empty()) {
        layer.blocks.push_back({number, same});
        continue;
      }
      const AlphaBlock& block = index[number];
      auto bytes = read(entry.alpha_offset() + block.offset, block.bytes);
      if (!bytes) return bytes.error();
      if (const Status whole = verify_alpha_block(header, k, block, *bytes); !whole) return whole;
      layer.blocks.push_back({number, *std::move(bytes)});
    }
  }
  return {};
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
