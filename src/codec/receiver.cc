#include "codec/receiver.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "codec/memory_need.h"

namespace compass {
namespace {

// The layer that settings ask for, given the layers' sizes.
Result<int> wanted_layer(const std::vector<Size>& sizes, const DecodeSettings& settings) {
  const int top = static_cast<int>(sizes.size()) - 1;
  if (settings.layer && (*settings.layer < 0 || *settings.layer > top)) {
    return Error{ErrorCode::kUsage,
                 fmt::format("no layer {}: the file has layers 0 to {}", *settings.layer, top)};
  }
  if (settings.size && (settings.layer || settings.region)) {
    return Error{ErrorCode::kUsage, "a size cannot go together with a layer or a region"};
  }
  if (settings.layer) return *settings.layer;
  if (!settings.size) return top;
  for (int k = 0; k < top; ++k) {
    if (sizes[k].width >= settings.size->width && sizes[k].height >= settings.size->height) return k;
  }
  return top;
}

Status check_region(Rect r, int layer, Size size) {
  if (r.x >= 0 && r.y >= 0 && r.width >= 1 && r.height >= 1 && r.width <= size.width &&
      r.height <= size.height && r.x <= size.width - r.width && r.y <= size.height - r.height) {
    return {};
  }
  return Error{ErrorCode::kUsage, fmt::format("region {},{},{},{} does not lie inside layer {} ({}x{})", r.x,
                                              r.y, r.width, r.height, layer, size.width, size.height)};
}

Status check_size(Size size, uint64_t max_pixels) {
  if (size.width >= 1 && size.height >= 1 && size.width <= kMaxSide && size.height <= kMaxSide &&
      static_cast<uint64_t>(size.pixels()) <= max_pixels) {
    return {};
  }
  return Error{ErrorCode::kUsage,
               fmt::format("size {}x{} is not between 1x1 and the limit of {} pixels ({} a side)", size.width,
                           size.height, max_pixels, kMaxSide)};
}

Status check_model(const ContainerHeader& header, const Model& model) {
  if (header.decoder != model.decoder_id()) {
    return Error{
        ErrorCode::kModel,
        fmt::format("needs decoder {}, but '{}' has {}: give the model that made it, or one with the "
                    "same decoder",
                    to_string(header.decoder), model.name(), to_string(model.decoder_id()))};
  }
  if (header.layers.size() > 1 && !model.layered() && model.parts() != ModelParts::kBaseDecoder) {
    return Error{ErrorCode::kBadFile,
                 fmt::format("claims {} layers, but its model '{}' codes single pictures",
                             header.layers.size(), model.name())};
  }
  return {};
}

// That the model can make what is asked for: with a base decoder alone that is a base layer, and no size that
// LIFF would predict from it. The id says that the file's model has more.
Status check_parts(const Model& model, const std::vector<Size>& sizes, int asked,
                   const std::optional<Size>& size) {
  if (model.parts() != ModelParts::kBaseDecoder) return {};
  const auto only = [&](const std::string& what) {
    return Error{ErrorCode::kModel,
                 fmt::format("model '{}' decodes base layers alone: {}, or give a model that decodes all",
                             model.name(), what)};
  };
  if (asked > 0) return only(fmt::format("ask for layer 0 instead of layer {}", asked));
  const bool predicted = size && size->width >= sizes[0].width && size->height >= sizes[0].height;
  if (predicted && *size != sizes[0]) {
    return only(fmt::format("ask for a size below {}x{}", sizes[0].width, sizes[0].height));
  }
  return {};
}

// The smallest rectangle of a layer of size `to` that covers what `r` is of one of size `from`: the start
// rounded down, the end rounded up.
Rect covering(Rect r, Size from, Size to) {
  const auto start = [](int64_t at, int64_t m, int64_t n) { return static_cast<int>(at * n / m); };
  const auto end = [](int64_t at, int64_t m, int64_t n) { return static_cast<int>((at * n + m - 1) / m); };
  const int x = start(r.x, from.width, to.width);
  const int y = start(r.y, from.height, to.height);
  return {x, y, end(int64_t{r.x} + r.width, from.width, to.width) - x,
          end(int64_t{r.y} + r.height, from.height, to.height) - y};
}

// Reads `count` more bytes onto the end of `bytes`; fewer only at the end. Memory grows with what arrives,
// not with what a header claims.
Result<bool> read_more(ByteSource& source, uint64_t count, std::vector<uint8_t>& bytes) {
  constexpr uint64_t kStep = uint64_t{1} << 20;
  while (count > 0) {
    const auto step = static_cast<size_t>(std::min(count, kStep));
    const size_t before = bytes.size();
    bytes.resize(before + step);
    const auto got = source.read(std::span(bytes).subspan(before));
    if (!got) return got.error();
    bytes.resize(before + *got);
    if (*got < step) return false;
    count -= step;
  }
  return true;
}

Result<ContainerHeader> read_header(ByteSource& source, const ContainerLimits& limits) {
  std::vector<uint8_t> bytes;
  for (;;) {
    auto parsed = parse_header(bytes, limits);
    if (!parsed) return parsed.error();
    if (parsed->header) return *std::move(parsed->header);
    const auto whole = read_more(source, parsed->need - bytes.size(), bytes);
    if (!whole) return whole.error();
    if (!*whole) {
      return Error{
          ErrorCode::kBadFile,
          fmt::format("ends after {} bytes, inside the header: not a whole .cmps file", bytes.size())};
    }
  }
}

}  // namespace

Rect part_of_layer(const DecodeSettings& settings, const std::vector<Size>& sizes, int asked, int k) {
  return settings.region ? covering(*settings.region, sizes[asked], sizes[k]) : whole(sizes[k]);
}

std::vector<Rect> wanted_parts(const LayerSynthesis& synthesis, const LayerSizes& layers, int top,
                               Rect part) {
  std::vector<Rect> wanted(top + 1);
  wanted[top] = part;
  for (int k = top; k > 0; --k) wanted[k - 1] = synthesis.below_footprint(layers.at(k), wanted[k]);
  return wanted;
}

// The header, and everything that can be said from it.
Status Receiver::open(const DecodeSettings& settings) {
  ContainerLimits limits;
  limits.max_pixels = options_.max_pixels;
  auto header = read_header(source_, limits);
  if (!header) return header.error();
  if (const auto status = check_model(*header, networks_.model()); !status) return status;
  LayerSizes& layers = received_.sizes;
  for (const auto& layer : header->layers) {
    layers.sizes.push_back(layer.size);
    layers.rates.emplace_back(networks_.model(), layer.quality / 10.0, QualityMap{}, layer.size);
  }
  suit();
  const auto wanted = wanted_layer(layers.sizes, settings);
  if (!wanted) return wanted.error();
  const int asked = received_.asked = *wanted;
  const Model& model = networks_.model();
  if (const auto s = check_parts(model, layers.sizes, asked, settings.size); !s) return s;
  if (settings.region) {
    if (const auto s = check_region(*settings.region, asked, layers.sizes[asked]); !s) return s;
  }
  if (settings.size) {
    if (const auto s = check_size(*settings.size, options_.max_pixels); !s) return s;
  }
  wanted_ = wanted_parts(synthesis_, layers, asked, part_of_layer(settings, layers.sizes, asked, asked));
  // Where a lower layer takes the place of a lost one, it must be there as the smallest part that covers it.
  for (int k = 0; k < asked; ++k) {
    wanted_[k] = united(wanted_[k], part_of_layer(settings, layers.sizes, asked, k));
  }
  if (header->kinds.alpha) {
    std::vector<Rect> parts;
    for (int k = 0; k <= asked; ++k) parts.push_back(part_of_layer(settings, layers.sizes, asked, k));
    received_.alpha.emplace(header->layers, parts);
  }
  received_.header = *std::move(header);
  at_ = received_.header.bytes;
  return {};
}

// The bytes of a range that the source has not gone past; fewer at the end.
Result<std::vector<uint8_t>> Receiver::read(ByteRange range) {
  if (const auto status = source_.skip(range.offset - at_); !status) return status.error();
  std::vector<uint8_t> bytes;
  const auto whole = read_more(source_, range.bytes, bytes);
  if (!whole) return whole.error();
  at_ = range.end();
  return bytes;
}

Status Receiver::read_metadata() {
  const ContainerHeader& header = received_.header;
  if (header.metadata_bytes() == 0) return {};
  const auto block = read({header.bytes, header.metadata_bytes()});
  if (!block) return block.error();
  auto chunks = compass::read_metadata(header, *block);
  if (chunks)
    received_.metadata = *std::move(chunks);
  else
    received_.damage.push_back(chunks.error().message);
  return {};
}

Result<bool> Receiver::read_map(int k) {
  const LayerEntry& entry = received_.header.layers[k];
  if (entry.map_bytes == 0) return true;
  const auto bytes = read({entry.begin(), entry.map_bytes});
  if (!bytes) return bytes.error();
  const auto map = read_quality_map(received_.header, k, *bytes);
  if (!map) {
    received_.damage.push_back(map.error().message);
    return false;
  }
  received_.sizes.rates[k] = LayerRates(networks_.model(), entry.quality / 10.0, *map, entry.size);
  return true;
}

Result<bool> Receiver::read_stream(int k, ReceivedLayer& layer) {
  const LayerEntry& entry = received_.header.layers[k];
  auto bytes = read({entry.offset, entry.bytes});
  if (!bytes) return bytes.error();
  if (const auto status = verify_layer(received_.header, k, *bytes); !status) {
    received_.damage.push_back(status.error().message);
    return false;
  }
  layer.y.push_back({0, *std::move(bytes), {}});
  return true;
}

// Error: kDamaged, or kIo.
Result<BlockIndex> Receiver::read_index(int k) {
  const auto bytes = read(received_.header.layers[k].index());
  if (!bytes) return bytes.error();
  return compass::read_index(received_.header, k, *bytes);
}

Result<bool> Receiver::read_blocks(int k, ReceivedLayer& layer) {
  const auto index = read_index(k);
  if (!index) {
    if (index.error().code != ErrorCode::kDamaged) return index.error();
    received_.damage.push_back(index.error().message);
    return false;
  }
  const Size size = received_.sizes.sizes[k];
  Status failed;
  const auto read_kind = [&](Size grid, Rect part, const std::vector<BlockEntry>& entries,
                             std::vector<ReceivedBlock>& blocks) {
    for_blocks(grid, part, [&](size_t number) {
      if (!failed) return;
      auto bytes = read(entries[number].range);
      if (!bytes) {
        failed = bytes.error();
        return;
      }
      Status whole = verify_block(entries[number], *bytes);
      if (!whole) bytes->clear();
      blocks.push_back({number, *std::move(bytes), std::move(whole)});
    });
  };
  read_kind(hyper_grid(size), layer.needed.z, index->z, layer.z);
  read_kind(latent_grid(size), layer.needed.y, index->y, layer.y);
  if (!failed) return failed.error();
  return true;
}

Result<bool> Receiver::read_alpha(int k) {
  if (!received_.alpha) return true;
  const auto read_range = [this](ByteRange range) { return read(range); };
  const Status status = received_.alpha->receive(received_.header, k, read_range);
  if (status) return true;
  if (status.error().code != ErrorCode::kDamaged) return status.error();
  received_.damage.push_back(status.error().message);
  return false;
}

// All that lies between two layers' beginnings, in the order of the file.
Result<bool> Receiver::read_layer(int k, ReceivedLayer& layer) {
  const auto mapped = read_map(k);
  if (!mapped || !*mapped) return mapped;
  layer.needed = needed(k);
  const bool tiled = is_tiled(received_.sizes.sizes[k]);
  const auto there = tiled ? read_blocks(k, layer) : read_stream(k, layer);
  if (!there || !*there) return there;
  return read_alpha(k);
}

Result<Received> Receiver::receive(const DecodeSettings& settings) {
  if (const auto status = open(settings); !status) return status.error();
  const MemoryQuestion question{.sizes = received_.sizes.sizes,
                                .top = received_.asked,
                                .bytes = settings.as_bytes,
                                .size = settings.size,
                                .sink_pixel = settings.make_sink ? settings.sink_pixel_bytes : 0};
  const double alpha = received_.alpha ? received_.alpha->memory(settings.size) : 0.0;
  const double memory = decode_bytes(networks_, question, wanted_) + alpha;
  if (const auto status = check_memory(memory, options_.max_memory, kOrLess); !status) return status.error();
  if (const auto status = read_metadata(); !status) return status.error();
  for (int k = 0; k <= received_.asked; ++k) {
    auto layer = receive_layer(k);
    if (!layer) return layer.error();
    if (!*layer) break;
    received_.layers.push_back(**std::move(layer));
  }
  return std::move(received_);
}

Result<std::optional<ReceivedLayer>> Receiver::receive_layer(int k) {
  using Layer = std::optional<ReceivedLayer>;
  suit();
  ReceivedLayer layer;
  const auto there = read_layer(k, layer);
  if (!there) return there.error();
  return *there ? Layer(std::move(layer)) : Layer();
}

Result<std::vector<ByteRange>> Receiver::layer_ranges(int k, const AlphaLayers::Read& read) const {
  suit();
  const ContainerHeader& header = received_.header;
  const LayerEntry& entry = header.layers[k];
  std::vector<ByteRange> ranges{{entry.begin(), entry.map_bytes}};
  if (is_tiled(entry.size)) {
    const auto bytes = read(entry.index());
    if (!bytes) return bytes.error();
    const auto index = compass::read_index(header, k, *bytes);
    if (!index) return index.error();
    ranges.push_back(entry.index());
    const NeededBlocks blocks = needed(k);
    for_blocks(hyper_grid(entry.size), blocks.z, [&](size_t i) { ranges.push_back(index->z[i].range); });
    for_blocks(latent_grid(entry.size), blocks.y, [&](size_t i) { ranges.push_back(index->y[i].range); });
  } else {
    ranges.push_back({entry.offset, entry.bytes});
  }
  if (!received_.alpha) return ranges;
  const auto alpha = received_.alpha->ranges(header, k, read);
  if (!alpha) return alpha.error();
  ranges.insert(ranges.end(), alpha->begin(), alpha->end());
  return ranges;
}

Result<std::vector<ByteRange>> Receiver::ranges(const DecodeSettings& settings) {
  if (const auto status = open(settings); !status) return status.error();
  const ContainerHeader& header = received_.header;
  std::vector<ByteRange> ranges{{0, header.bytes + header.metadata_bytes()}};
  for (int k = 0; k <= received_.asked; ++k) {
    const auto layer = layer_ranges(k, [this](ByteRange range) { return read(range); });
    if (!layer) return layer.error();
    ranges.insert(ranges.end(), layer->begin(), layer->end());
  }
  return merged(std::move(ranges));
}

}  // namespace compass
