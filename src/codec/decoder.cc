#include "codec/decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/alpha_layers.h"
#include "codec/layer_synthesis.h"
#include "codec/memory_need.h"
#include "codec/runtime.h"
#include "entropy/layer_coder.h"
#include "image/resize.h"

namespace compass {
namespace {

// What could be read of a file: its header, and its layers' streams as far as they are whole.
struct Received {
  ContainerHeader header;
  int asked = 0;                             // the layer that settings ask for, whole or not
  std::vector<std::vector<uint8_t>> layers;  // from the base layer on
  std::optional<AlphaLayers> alpha;          // of these
  std::vector<MetadataChunk> metadata;
  std::vector<std::string> damage;
};

// Reads `count` more bytes onto the end of `bytes`; fewer only at the end. Memory grows with what arrives,
// not with what a header claims.
Result<bool> read_more(ByteSource& source, size_t count, std::vector<uint8_t>& bytes) {
  constexpr size_t kPiece = size_t{1} << 20;
  while (count > 0) {
    const size_t piece = std::min(count, kPiece);
    const size_t before = bytes.size();
    bytes.resize(before + piece);
    const auto got = source.read(std::span(bytes).subspan(before));
    if (!got) return got.error();
    bytes.resize(before + *got);
    if (*got < piece) return false;
    count -= piece;
  }
  return true;
}

// Bytes of the file from `offset` on, where the source stands at `at`; fewer at the end.
Result<std::vector<uint8_t>> read_from(ByteSource& source, uint64_t offset, uint64_t count, uint64_t& at) {
  std::vector<uint8_t> bytes;
  while (at < offset) {  // what nobody asked for
    const auto gap = static_cast<size_t>(std::min<uint64_t>(offset - at, uint64_t{1} << 20));
    bytes.clear();
    const auto whole = read_more(source, gap, bytes);
    if (!whole) return whole.error();
    at += bytes.size();
    if (!*whole) return std::vector<uint8_t>();
  }
  bytes.clear();
  const auto whole = read_more(source, count, bytes);
  if (!whole) return whole.error();
  at += bytes.size();
  return bytes;
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

// What of layer k is asked for: all of it, or what the region of layer `asked` covers.
Rect part_of_layer(const DecodeSettings& settings, const std::vector<Size>& sizes, int asked, int k) {
  return settings.region ? covering(*settings.region, sizes[asked], sizes[k]) : whole(sizes[k]);
}

}  // namespace

Result<size_t> MemorySource::read(std::span<uint8_t> out) {
  const size_t count = std::min(out.size(), bytes_.size());
  std::copy_n(bytes_.begin(), count, out.begin());
  bytes_ = bytes_.subspan(count);
  return count;
}

struct Decoder::Parts : CodecRuntime {
  using CodecRuntime::CodecRuntime;

  Status check_model(const ContainerHeader& header) const;
  Result<Received> receive(ByteSource& source, const DecodeSettings& settings) const;
  // Sizes and rates of a file's layers.
  struct Layers {
    std::vector<Size> sizes;
    std::vector<float> rates;
    SpatialLayer at(size_t k) const { return {sizes, static_cast<int>(k), rates[k]}; }
  };
  std::vector<Rect> parts_wanted(const Layers& layers, int top, Rect part) const;
  std::vector<LayerLatents> decode_symbols(const Layers& layers, Received& received);
  void reconstruct(const Layers& layers, const std::vector<Rect>& wanted, const DecodeSettings& settings,
                   std::vector<LayerLatents>& latents, DecodedPicture& decoded);
  void to_size(ImageView& picture, Size size);
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
  limits.max_pixels = options.max_pixels;
  auto header = read_header(source, limits);
  if (!header) return header.error();
  if (const auto status = check_model(*header); !status) return status.error();
  std::vector<Size> sizes;
  for (const auto& layer : header->layers) sizes.push_back(layer.size);
  const auto wanted = wanted_layer(sizes, settings);
  if (!wanted) return wanted.error();
  if (settings.region) {
    if (const auto status = check_region(*settings.region, *wanted, sizes[*wanted]); !status) {
      return status.error();
    }
  }
  if (settings.size) {
    if (const auto status = check_size(*settings.size, options.max_pixels); !status) return status.error();
  }

  Received received;
  received.header = *std::move(header);
  received.asked = *wanted;
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
  if (received.header.kinds.alpha) {
    std::vector<Rect> parts;
    for (int k = 0; k <= *wanted; ++k) parts.push_back(part_of_layer(settings, sizes, *wanted, k));
    received.alpha.emplace(received.header.layers, parts);
  }
  uint64_t at = received.header.layers.front().offset;
  const auto read = [&](uint64_t offset, uint64_t count) { return read_from(source, offset, count, at); };
  for (int k = 0; k <= *wanted; ++k) {
    const LayerEntry& layer = received.header.layers[k];
    auto bytes = read(layer.offset, layer.bytes);
    if (!bytes) return bytes.error();
    Status whole = verify_layer(received.header, k, *bytes);
    if (whole && received.alpha) whole = received.alpha->receive(received.header, k, read);
    if (!whole && whole.error().code != ErrorCode::kDamaged) return whole.error();
    if (!whole) {
      received.damage.push_back(whole.error().message);
      break;
    }
    received.layers.push_back(*std::move(bytes));
  }
  return received;
}

// From the top down: the footprint, in each layer, of the wanted rectangle of layer `top`.
std::vector<Rect> Decoder::Parts::parts_wanted(const Layers& layers, int top, Rect part) const {
  std::vector<Rect> wanted(top + 1);
  wanted[top] = part;
  for (int k = top; k > 0; --k) wanted[k - 1] = synthesis.below_footprint(layers.at(k), wanted[k]);
  return wanted;
}

// Entropy decoding: the loop filter's coefficients and z of every layer, then h_s, then y. Streams know
// nothing of each other, so that layers are decoded side by side. What is damaged ends the list and is noted.
std::vector<LayerLatents> Decoder::Parts::decode_symbols(const Layers& layers, Received& received) {
  const int count = static_cast<int>(received.layers.size());
  std::vector<Result<LayerDecoder>> decoders;
  std::vector<Status> statuses(count);
  std::vector<LayerLatents> latents(count);
  for (int k = 0; k < count; ++k) {
    const SpatialLayer layer = layers.at(k);
    decoders.push_back(LayerDecoder::open(received.layers[k]));
    if (!decoders[k]) {
      statuses[k] = decoders[k].error();
      continue;
    }
    std::vector<int32_t> z(static_cast<size_t>(networks.hyper_size(layer).pixels()) *
                           networks.codec(k).hyper_channels());
    const size_t directions = networks.filter(k).directions;
    std::vector<int32_t> coefficients(coefficient_count(networks.filter(k), layer.size()));
    {
      const nn::StageTimer timer(options.times, "entropy", 0.0);
      statuses[k] = decoders[k]->decode_coefficients(directions, coefficients);
      if (statuses[k]) statuses[k] = decoders[k]->decode_z(hyper_tables(k), z);
    }
    if (!statuses[k]) continue;
    latents[k] = synthesis.hyper_synthesise(layer, std::move(z));
    latents[k].coefficients = std::move(coefficients);
  }
  const nn::StageTimer timer(options.times, "entropy", 0.0);
  pool.parallel_for(count, [&](int i, int /*worker*/) {
    const int k = count - 1 - i;  // the longest first
    if (!statuses[k]) return;
    LayerLatents& layer = latents[k];
    statuses[k] = decoders[k]->decode_y_onto(latent_tables(k), layer.indexes, layer.y_hat.data);
    layer.indexes = {};
  });
  for (int k = 0; k < count; ++k) {
    received.layers[k] = {};
    if (statuses[k] || k >= static_cast<int>(latents.size())) continue;
    received.damage.push_back(fmt::format("layer {}: {}", k, statuses[k].error().message));
    latents.resize(k);
  }
  return latents;
}

// From the bottom up: prediction + g_s(y_hat).
void Decoder::Parts::reconstruct(const Layers& layers, const std::vector<Rect>& wanted,
                                 const DecodeSettings& settings, std::vector<LayerLatents>& latents,
                                 DecodedPicture& decoded) {
  double pixels_total = 0.0;
  double pixels_done = 0.0;
  for (const Rect& r : wanted) pixels_total += static_cast<double>(r.size().pixels());
  const size_t top = latents.size() - 1;
  const bool resized = settings.size && *settings.size != layers.sizes[top];
  ImageView below;
  for (size_t k = 0; k <= top; ++k) {
    const SpatialLayer layer = layers.at(k);
    constexpr auto kDiscarded = PredictionWindow::Passed::kDiscarded;
    std::optional<PredictionWindow> prediction;
    if (k > 0) prediction.emplace(synthesis.predict(layer, below, wanted[k], kDiscarded));
    PredictionWindow* const window = prediction ? &*prediction : nullptr;
    if (k == top && settings.as_bytes && !resized) {
      decoded.rgb = Rgb8Image(wanted[k].size());
      synthesis.reconstruct(layer, latents[k], window, wanted[k], decoded.rgb);
    } else {
      ImageView picture = synthesis.reconstruct(layer, latents[k], window, wanted[k]);
      prediction.reset();
      below = std::move(picture);
    }
    latents[k] = {};
    pixels_done += static_cast<double>(wanted[k].size().pixels());
    if (settings.progress) settings.progress(pixels_done / pixels_total);
  }
  if (resized) to_size(below, *settings.size);
  if (!settings.as_bytes) {
    decoded.image = std::move(below.image);
  } else if (resized) {
    decoded.rgb = Rgb8Image(below.image.size());
    to_rgb8(below.image, decoded.rgb.bytes);
  }
}

// Resamples the top layer to the size asked for; above it LIFF's own prediction goes on: any resolution at
// all.
void Decoder::Parts::to_size(ImageView& picture, Size size) {
  const Size have = picture.image.size();
  if (!is_predicted(have, size, *model)) {
    picture = {resize(picture.image, size, &pool), whole(size)};
    return;
  }
  PredictionWindow prediction(networks.predictor(), picture, {have, size, size}, 0, size.width,
                              PredictionWindow::Passed::kDiscarded, std::min(kPredictionSide, size.height));
  Image larger = Image::unset(size);
  for (int top = 0; top < size.height; top += kPredictionSide) {
    const int bottom = std::min(top + kPredictionSide, size.height);
    prediction.move_to(top, bottom);
    for_rows(pool, bottom - top, [&](int row) {
      const float* in = prediction.pixel(top + row, 0);
      for (int c = 0; c < 3; ++c) {
        float* out = larger.row(c, top + row);
        for (int x = 0; x < size.width; ++x) out[x] = in[3 * x + c];
      }
    });
  }
  picture = {std::move(larger), whole(size)};
}

Result<DecodedPicture> Decoder::decode(ByteSource& source, const DecodeSettings& settings) {
  Parts& p = *parts_;
  auto received = p.receive(source, settings);
  if (!received) return received.error();
  Parts::Layers layers;
  for (const auto& layer : received->header.layers) {
    layers.sizes.push_back(layer.size);
    layers.rates.push_back(p.model->rate_position(layer.quality / 10.0));
  }
  if (received->layers.empty()) return Error{ErrorCode::kDamaged, received->damage.front()};
  p.networks.set_prediction(settings.prediction);

  const int expected = static_cast<int>(received->layers.size()) - 1;
  const auto part_of = [&](int k) { return part_of_layer(settings, layers.sizes, received->asked, k); };
  std::vector<Rect> wanted = p.parts_wanted(layers, expected, part_of(expected));
  const MemoryQuestion question{.sizes = layers.sizes,
                                .top = expected,
                                .bytes = settings.as_bytes,
                                .size = settings.size,
                                .copied = settings.copied};
  const double alpha_memory = received->alpha ? received->alpha->memory(question.size) : 0.0;
  const double memory = decode_bytes(p.networks, question, wanted) + alpha_memory;
  if (const auto status = check_memory(memory, p.options.max_memory); !status) return status.error();
  if (Parts::compiles_ahead(wanted[expected].size())) {
    std::vector<nn::KernelRequest> kernels;
    for (int k = 0; k <= expected; ++k) p.synthesis.add_kernels(layers.at(k), wanted[k], true, kernels);
    p.compile(kernels);
  }

  std::vector<LayerLatents> latents = p.decode_symbols(layers, *received);
  DecodedPicture decoded;
  if (received->alpha) {
    const int count = static_cast<int>(latents.size());
    latents.resize(received->alpha->decode(count, p.pool, decoded.alpha, received->damage));
  }
  if (latents.empty() || (settings.strict && !received->damage.empty())) {
    return Error{ErrorCode::kDamaged, received->damage.front()};
  }
  decoded.kinds = received->header.kinds;
  decoded.damage = std::move(received->damage);
  decoded.metadata = std::move(received->metadata);
  decoded.layer = static_cast<int>(latents.size()) - 1;
  if (decoded.layer < expected) {  // its symbols were damaged
    wanted = p.parts_wanted(layers, decoded.layer, part_of(decoded.layer));
  }
  decoded.part = wanted.back();
  p.reconstruct(layers, wanted, settings, latents, decoded);
  if (!decoded.alpha.empty() && settings.size)
    decoded.alpha = resize(decoded.alpha.view(), *settings.size, &p.pool);
  return decoded;
}

}  // namespace compass
