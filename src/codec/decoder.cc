#include "codec/decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/layer.h"
#include "entropy/layer_coder.h"
#include "image/resize.h"
#include "nn/context.h"

namespace compass {
namespace {

// What could be read of a file: its header, and its layers' streams as far as they are whole.
struct Received {
  ContainerHeader header;
  std::vector<std::vector<uint8_t>> layers;  // from the base layer on
  std::vector<MetadataChunk> metadata;
  std::vector<std::string> damage;
};

// Reads `count` more bytes onto the end of `bytes`; fewer only at the end. Memory grows with what arrives,
// not with what a header claims.
Result<bool> read_more(ByteSource& source, size_t count, std::vector<uint8_t>& bytes) {
  constexpr size_t kStep = size_t{1} << 20;
  while (count > 0) {
    const size_t step = std::min(count, kStep);
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

}  // namespace

Result<size_t> MemorySource::read(std::span<uint8_t> out) {
  const size_t count = std::min(out.size(), bytes_.size());
  std::copy_n(bytes_.begin(), count, out.begin());
  bytes_ = bytes_.subspan(count);
  return count;
}

struct Decoder::Parts {
  Parts(std::shared_ptr<const Model> m, const CodecOptions& o)
      : model(std::move(m)), options(o), pool(o.threads), context(pool, o.precision) {}

  Status check_model(const ContainerHeader& header) const;
  Result<Received> receive(ByteSource& source, const DecodeSettings& settings) const;
  Result<LayerLatents> decode_symbols(LayerNetworks& networks, const LayerNetworks::Place& place,
                                      std::span<const uint8_t> bytes) const;

  std::shared_ptr<const Model> model;
  CodecOptions options;
  ThreadPool pool;
  nn::Context context;
};

Decoder::Decoder(std::shared_ptr<const Model> model, CodecOptions options)
    : parts_(std::make_unique<Parts>(std::move(model), options)) {}
Decoder::~Decoder() = default;

Status Decoder::Parts::check_model(const ContainerHeader& header) const {
  if (!std::equal(header.model.begin(), header.model.end(), model->id().begin())) {
    const auto& m = header.model;
    return Error{ErrorCode::kModel,
                 fmt::format("made with model {:02x}{:02x}{:02x}{:02x}, not with '{}' ({}): give that model",
                             m[0], m[1], m[2], m[3], model->name(), to_string(model->id()).substr(0, 8))};
  }
  if (header.layers.size() > 1 && !model->layered()) {
    return Error{ErrorCode::kBadFile,
                 fmt::format("claims {} layers, but its model '{}' codes single pictures",
                             header.layers.size(), model->name())};
  }
  return {};
}

// Reads up to the wanted layer and stops at the first layer that is not whole.
Result<Received> Decoder::Parts::receive(ByteSource& source, const DecodeSettings& settings) const {
  ContainerLimits limits;
  limits.max_pixels = static_cast<int64_t>(options.max_pixels);
  auto header = read_header(source, limits);
  if (!header) return header.error();
  if (const auto status = check_model(*header); !status) return status.error();
  std::vector<Size> sizes;
  for (const auto& layer : header->layers) sizes.push_back(layer.size);
  const auto wanted = wanted_layer(sizes, settings);
  if (!wanted) return wanted.error();

  Received received;
  received.header = *std::move(header);
  if (const uint64_t size = received.header.metadata_bytes(); size > 0) {
    std::vector<uint8_t> block;
    const auto whole = read_more(source, size, block);
    if (!whole) return whole.error();
    auto chunks = read_metadata(received.header, block);
    if (chunks)
      received.metadata = *std::move(chunks);
    else
      received.damage.push_back(chunks.error().message);
  }
  for (int k = 0; k <= *wanted; ++k) {
    std::vector<uint8_t> bytes;
    const auto whole = read_more(source, received.header.layers[k].bytes, bytes);
    if (!whole) return whole.error();
    if (const auto status = verify_layer(received.header, k, bytes); !status) {
      received.damage.push_back(status.error().message);
      break;
    }
    received.layers.push_back(std::move(bytes));
  }
  return received;
}

// Entropy decoding of one layer: z, then h_s, then y. No other layer is needed.
Result<LayerLatents> Decoder::Parts::decode_symbols(LayerNetworks& networks,
                                                    const LayerNetworks::Place& place,
                                                    std::span<const uint8_t> bytes) const {
  const auto& codec = networks.codec(place.k);
  LayerLatents latents;
  latents.z.resize(static_cast<size_t>(networks.hyper_size(place).pixels()) * codec.hyper_channels());
  latents.y.resize(static_cast<size_t>(networks.latent_size(place).pixels()) * codec.latent_channels());
  auto decoder = LayerDecoder::open(bytes);
  if (!decoder) return decoder.error();
  const auto& z_tables = model->hyper_tables(place.k == 0 ? CodecKind::kBase : CodecKind::kEnhancement);
  if (const auto status = decoder->decode_z(z_tables, latents.z); !status) return status.error();
  latents.hyper = networks.hyper_synthesise(place, latents.z);
  if (const auto status = decoder->decode_y(model->gaussian_tables(), latents.hyper.indexes, latents.y);
      !status) {
    return status.error();
  }
  return latents;
}

Result<DecodedPicture> Decoder::decode(ByteSource& source, const DecodeSettings& settings) {
  auto& [model, options, pool, context] = *parts_;
  auto received = parts_->receive(source, settings);
  if (!received) return received.error();
  std::vector<Size> sizes;
  for (const auto& layer : received->header.layers) sizes.push_back(layer.size);

  LayerNetworks networks(model, context, settings.prediction);
  const auto place_of = [&](int k) {
    return LayerNetworks::Place{sizes, k, model->rate_position(received->header.layers[k].quality / 10.0)};
  };

  // Symbols of every layer that arrived whole.
  std::vector<LayerLatents> latents;
  for (size_t k = 0; k < received->layers.size(); ++k) {
    auto decoded = parts_->decode_symbols(networks, place_of(static_cast<int>(k)), received->layers[k]);
    if (!decoded) {
      received->damage.push_back(fmt::format("layer {}: {}", k, decoded.error().message));
      break;
    }
    latents.push_back(*std::move(decoded));
    received->layers[k].clear();
  }
  if (latents.empty() || (settings.strict && !received->damage.empty())) {
    return Error{ErrorCode::kDamaged, received->damage.front()};
  }

  DecodedPicture decoded;
  decoded.damage = std::move(received->damage);
  decoded.metadata = std::move(received->metadata);
  decoded.layer = static_cast<int>(latents.size()) - 1;
  const int top = decoded.layer;

  // From the top down: which part of each layer the picture asked for is made of.
  std::vector<Rect> wanted(latents.size());
  wanted[top] = whole(sizes[top]);
  if (settings.region) {
    const Rect r = *settings.region;
    const Size s = sizes[top];
    if (r.x < 0 || r.y < 0 || r.width < 1 || r.height < 1 || r.width > s.width || r.height > s.height ||
        r.x > s.width - r.width || r.y > s.height - r.height) {
      return Error{ErrorCode::kUsage, fmt::format("region {},{},{},{} does not lie inside layer {} ({}x{})",
                                                  r.x, r.y, r.width, r.height, top, s.width, s.height)};
    }
    wanted[top] = r;
  }
  for (int k = top; k > 0; --k) wanted[k - 1] = networks.below_footprint(place_of(k), wanted[k]);

  // From the bottom up: reconstruction.
  double pixels_total = 0.0;
  double pixels_done = 0.0;
  for (const Rect& r : wanted) pixels_total += static_cast<double>(r.size().pixels());
  Patch current;
  for (int k = 0; k <= top; ++k) {
    current = networks.reconstruct(place_of(k), latents[k], k > 0 ? &current : nullptr, wanted[k]);
    latents[k] = {};
    pixels_done += static_cast<double>(wanted[k].size().pixels());
    if (settings.progress) settings.progress(pixels_done / pixels_total);
  }

  if (settings.size && *settings.size != sizes[top]) {
    const Size size = *settings.size;
    if (size.width < 1 || size.height < 1 || static_cast<uint64_t>(size.pixels()) > options.max_pixels) {
      return Error{ErrorCode::kUsage, fmt::format("size {}x{} is not between 1x1 and the limit of {} pixels",
                                                  size.width, size.height, options.max_pixels)};
    }
    const bool grows = size.width >= sizes[top].width && size.height >= sizes[top].height;
    if (grows && model->layered()) {
      // Above the top layer LIFF's own prediction goes on: any resolution at all.
      const Liff::Geometry geometry{sizes[top], size, size};
      Patch larger{Image(size), whole(size)};
      for (const Rect tile : tiles_of(whole(size), kTileSide)) {
        write(networks.predictor().predict(current, geometry, tile), tile, larger);
      }
      current = std::move(larger);
    } else {
      current = {resize(current.image, size, &pool), whole(size)};
    }
  }
  decoded.image = std::move(current.image);
  return decoded;
}

}  // namespace compass
