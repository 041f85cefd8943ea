// Decoding layers' blocks.
#include <fmt/format.h>

#include <optional>
#include <utility>

#include "codec/latent_coder.h"
#include "codec/layer_streams.h"
#include "entropy/layer_coder.h"

namespace compass {
namespace {

// What one thread decodes a block into.
struct BlockBuffers {
  std::vector<uint8_t> indexes;
  std::vector<float> y_hat;
};

// A layer on its way from bytes to latents.
class LayerReader {
 public:
  LayerReader(PyramidNetworks& networks, const SpatialLayer& layer, ReceivedLayer received)
      : networks_(networks),
        layer_(layer),
        received_(std::move(received)),
        tiled_(is_tiled(layer_.size())),
        places_(latent_blocks(networks, layer_)),
        z_tables_(networks.model().hyper_tables(codec_of_layer(layer_.k))),
        y_tables_(networks.model().latent_tables(codec_of_layer(layer_.k))),
        directions_(networks.filter(layer_.k).directions),
        z_(static_cast<size_t>(networks.hyper_size(layer_).pixels()) *
           networks.codec(layer_.k).hyper_channels()),
        coefficients_(coefficient_count(networks.filter(layer_.k), layer_.size())) {}

  // Streams that hold z, and those that hold y.
  std::vector<ReceivedBlock>& z_streams() { return tiled_ ? received_.z : received_.y; }
  std::vector<ReceivedBlock>& y_streams() { return received_.y; }

  // In this order. Blocks of one kind are decoded on any threads.
  void decode_z(ReceivedBlock& block);
  void hyper_synthesise(LayerSynthesis& synthesis);
  void decode_y(ReceivedBlock& block, BlockBuffers& buffers);

  // Why all of the layer is lost, if it is.
  Status status() const;
  // The blocks that are lost, a line for those that make a rectangle.
  void describe_damage(std::vector<std::string>& damage) const;
  LayerLatents take_latents() {
    latents_.indexes = {};
    return std::move(latents_);
  }

 private:
  Status decode_whole_z(ReceivedBlock& block);
  Status decode_z_block(const ReceivedBlock& block);
  Status decode_y_block(const ReceivedBlock& block, BlockBuffers& buffers);
  // Blocks of y whose scale indexes depend on a block of z that is lost are lost, too.
  void lose_dependents();

  PyramidNetworks& networks_;
  SpatialLayer layer_;
  ReceivedLayer received_;
  bool tiled_;
  BlockPlaces places_;
  const CdfTables& z_tables_;
  const CdfTables& y_tables_;
  size_t directions_;
  std::vector<int32_t> z_;
  std::vector<int32_t> coefficients_;
  std::optional<LayerDecoder> whole_;  // of a layer that is not tiled: y's symbols follow z's
  LayerLatents latents_;
};

void LayerReader::decode_z(ReceivedBlock& block) {
  if (block.status) block.status = tiled_ ? decode_z_block(block) : decode_whole_z(block);
}

Status LayerReader::decode_whole_z(ReceivedBlock& block) {
  auto decoder = LayerDecoder::open(block.bytes);
  if (!decoder) return decoder.error();
  if (const auto status = decoder->decode_coefficients(directions_, coefficients_); !status) return status;
  if (const auto status = decoder->decode_z(z_tables_, z_); !status) return status;
  whole_ = *std::move(decoder);
  return {};
}

Status LayerReader::decode_z_block(const ReceivedBlock& block) {
  const Rect part = hyper_blocks(networks_, layer_).positions(block.number);
  const int channels = z_tables_.rows();
  std::vector<int32_t> z(static_cast<size_t>(part.size().pixels()) * channels);
  auto decoder = LayerDecoder::open(block.bytes);
  if (!decoder) return decoder.error();
  if (const auto status = decoder->decode_z(z_tables_, z); !status) return status;
  if (const auto status = decoder->decode_y(y_tables_, {}, {}); !status)
    return status;  // whether it ends there
  for_part_rows(
      whole(networks_.hyper_size(layer_)), part, channels,
      [&](size_t to, size_t from, size_t count) { std::copy_n(z.data() + from, count, z_.data() + to); });
  return {};
}

void LayerReader::hyper_synthesise(LayerSynthesis& synthesis) {
  if (tiled_) lose_dependents();
  if (!status()) return;
  latents_ = synthesis.hyper_synthesise(layer_, std::move(z_), received_.needed.latents);
  latents_.coefficients = std::move(coefficients_);
}

void LayerReader::lose_dependents() {
  const auto is_lost = [](const ReceivedBlock& block) { return !block.status; };
  if (std::ranges::none_of(received_.z, is_lost)) return;
  const int columns = hyper_grid(layer_.size()).width;
  for (ReceivedBlock& block : received_.y) {
    const Rect latents = places_.positions(block.number);
    if (latents.size().pixels() == 0) continue;
    const Rect footprint = hyper_footprint(networks_, layer_, latents);
    for (const ReceivedBlock& z : received_.z) {
      const int x = static_cast<int>(z.number % columns) - footprint.x;
      const int y = static_cast<int>(z.number / columns) - footprint.y;
      const bool inside = x >= 0 && x < footprint.width && y >= 0 && y < footprint.height;
      if (inside && !z.status && block.status) block.status = z.status;
    }
  }
}

void LayerReader::decode_y(ReceivedBlock& block, BlockBuffers& buffers) {
  if (!block.status) return;
  block.status = tiled_ ? decode_y_block(block, buffers)
                        : decode_latents(networks_.model(), layer_, *whole_, latents_.y_hat.width,
                                         latents_.indexes, latents_.y_hat.data);
  block.bytes = {};
  if (!tiled_) latents_.indexes = {};
}

Status LayerReader::decode_y_block(const ReceivedBlock& block, BlockBuffers& buffers) {
  const Rect part = places_.positions(block.number);
  const int channels = latents_.y_hat.channels;
  float* const y_hat = latents_.y_hat.data.data();
  buffers.indexes.resize(static_cast<size_t>(part.size().pixels()) * channels);
  buffers.y_hat.resize(buffers.indexes.size());
  for_part_rows(latents_.held, part, channels, [&](size_t from, size_t to, size_t count) {
    std::copy_n(latents_.indexes.data() + from, count, buffers.indexes.data() + to);
    std::copy_n(y_hat + from, count, buffers.y_hat.data() + to);
  });
  const std::vector<size_t> regions = block_regions(layer_.size(), block.number);
  std::vector<int32_t> coefficients(regions.size() * directions_);
  auto decoder = LayerDecoder::open(block.bytes);
  if (!decoder) return decoder.error();
  if (const auto status = decoder->decode_coefficients(directions_, coefficients); !status) return status;
  const Status decoded =
      decode_latents(networks_.model(), layer_, *decoder, part.width, buffers.indexes, buffers.y_hat);
  if (!decoded) return decoded;
  for_part_rows(latents_.held, part, channels, [&](size_t to, size_t from, size_t count) {
    std::copy_n(buffers.y_hat.data() + from, count, y_hat + to);
  });
  for (size_t i = 0; i < regions.size(); ++i) {
    std::copy_n(coefficients.data() + i * directions_, directions_,
                latents_.coefficients.data() + regions[i] * directions_);
  }
  return {};
}

Status LayerReader::status() const {
  for (const ReceivedBlock& block : received_.y) {
    if (block.status) return {};
  }
  const Error& error = received_.y.front().status.error();
  return Error{error.code, fmt::format("layer {}: {}", layer_.k, error.message)};
}

void LayerReader::describe_damage(std::vector<std::string>& damage) const {
  struct Lost {
    Rect blocks;
    const std::string* why;
  };
  std::vector<Lost> lost;
  const int columns = places_.grid().width;
  for (const ReceivedBlock& block : received_.y) {
    if (block.status) continue;
    const int x = static_cast<int>(block.number % columns);
    const int y = static_cast<int>(block.number / columns);
    Rect* const last = lost.empty() ? nullptr : &lost.back().blocks;
    if (last != nullptr && last->y == y && last->x + last->width == x) {
      ++last->width;
    } else {
      lost.push_back({{x, y, 1, 1}, &block.status.error().message});
    }
  }
  // Rows of the same width, one below the other.
  std::vector<Lost> merged;
  for (const Lost& row : lost) {
    const auto above = std::ranges::find_if(merged, [&](const Lost& m) {
      return m.blocks.x == row.blocks.x && m.blocks.width == row.blocks.width &&
             m.blocks.y + m.blocks.height == row.blocks.y;
    });
    if (above == merged.end()) {
      merged.push_back(row);
    } else {
      ++above->blocks.height;
    }
  }
  for (const auto& [blocks, why] : merged) {
    const Rect pixels = block_pixels(layer_.size(), blocks);
    damage.push_back(fmt::format("layer {}: its part of the {}x{} pixels at {},{} is lost: {}", layer_.k,
                                 pixels.width, pixels.height, pixels.x, pixels.y, *why));
  }
}

// Calls decode(reader, block, worker) for blocks of all layers side by side, the longest first.
template <typename Streams, typename Decode>
void for_streams(ThreadPool& pool, std::vector<LayerReader>& readers, const Streams& streams,
                 const Decode& decode) {
  std::vector<std::pair<LayerReader*, ReceivedBlock*>> blocks;
  for (LayerReader& reader : readers) {
    for (ReceivedBlock& block : streams(reader)) blocks.emplace_back(&reader, &block);
  }
  std::ranges::stable_sort(blocks, std::ranges::greater(),
                           [](const auto& b) { return b.second->bytes.size(); });
  pool.parallel_for(static_cast<int>(blocks.size()),
                    [&](int i, int worker) { decode(*blocks[i].first, *blocks[i].second, worker); });
}

}  // namespace

std::vector<LayerLatents> read_layers(PyramidNetworks& networks, LayerSynthesis& synthesis,
                                      const LayerSizes& layers, std::vector<ReceivedLayer> received,
                                      std::vector<std::string>& damage, size_t first) {
  nn::Context& context = networks.context();
  std::vector<LayerReader> readers;
  for (ReceivedLayer& layer : received) {
    readers.emplace_back(networks, layers.at(first + readers.size()), std::move(layer));
  }
  {
    const nn::StageTimer timer(context.times(), "entropy", 0.0);
    for_streams(
        context.pool(), readers, [](LayerReader & r) -> auto& { return r.z_streams(); },
        [](LayerReader& reader, ReceivedBlock& block, int /*worker*/) { reader.decode_z(block); });
  }
  for (LayerReader& reader : readers) reader.hyper_synthesise(synthesis);
  std::vector<BlockBuffers> buffers(context.pool().threads());
  {
    const nn::StageTimer timer(context.times(), "entropy", 0.0);
    for_streams(
        context.pool(), readers, [](LayerReader & r) -> auto& { return r.y_streams(); },
        [&](LayerReader& reader, ReceivedBlock& block, int worker) {
          reader.decode_y(block, buffers[worker]);
        });
  }
  std::vector<LayerLatents> latents;
  for (LayerReader& reader : readers) {
    if (const auto status = reader.status(); !status) {
      damage.push_back(status.error().message);
      break;
    }
    reader.describe_damage(damage);
    latents.push_back(reader.take_latents());
  }
  return latents;
}

}  // namespace compass
