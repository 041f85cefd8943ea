#include "eval/mei/mei_system.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "entropy/layer_coder.h"
#include "graph/geometry.h"
#include "networks/networks.h"
#include "nn/network.h"

namespace compass::eval {
namespace {

using nn::Network;

constexpr std::string_view kSignature = "MEI1";
constexpr size_t kLayers = 1 + kMeiLayers;
constexpr size_t kEntryBytes = 8;
constexpr size_t kHeaderBytes = 4 + kLayers * kEntryBytes;
constexpr int kMaxSide = 65535;
// Sides of the base layer are padded to multiples of this.
constexpr int kBaseMultiple = 2 * kMeiFactor;

Error bad(const std::string& what) {
  return {ErrorCode::kBadFile, "mei: " + what};
}

void put(std::vector<uint8_t>& bytes, uint32_t value, int count) {
  for (int i = 0; i < count; ++i) bytes.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

uint32_t get(std::span<const uint8_t> bytes, size_t at, int count) {
  uint32_t value = 0;
  for (int i = 0; i < count; ++i) value |= uint32_t{bytes[at + i]} << (8 * i);
  return value;
}

struct Header {
  std::vector<Size> sizes;
  std::vector<uint64_t> ends;  // of the streams, from the file's start
};

Result<Header> parse_header(std::span<const uint8_t> bytes) {
  if (bytes.size() < kHeaderBytes || !std::equal(kSignature.begin(), kSignature.end(), bytes.begin())) {
    return bad("not a file of this system");
  }
  Header header;
  uint64_t end = kHeaderBytes;
  for (size_t k = 0; k < kLayers; ++k) {
    const size_t at = kSignature.size() + k * kEntryBytes;
    header.sizes.push_back({static_cast<int>(get(bytes, at, 2)), static_cast<int>(get(bytes, at + 2, 2))});
    end += get(bytes, at + 4, 4);
    header.ends.push_back(end);
  }
  if (const Status good = MeiSystem::accepts(header.sizes); !good) return bad(good.error().message);
  return header;
}

// The sizes that networks work on: each layer's twice that below, none smaller than its picture.
std::vector<Size> padded_sizes(const std::vector<Size>& sizes) {
  const auto side = [&](auto of) {
    int base = 1;
    for (size_t k = 0; k < sizes.size(); ++k) base = std::max(base, nn::ceil_div(of(sizes[k]), 1 << k));
    return nn::round_up(base, kBaseMultiple);
  };
  const int width = side([](Size s) { return s.width; });
  const int height = side([](Size s) { return s.height; });
  std::vector<Size> padded;
  for (size_t k = 0; k < sizes.size(); ++k) padded.push_back({width << k, height << k});
  return padded;
}

// The picture in [0,1], its last row and column repeated.
Tensor padded_map(const Picture& picture, Size size) {
  Tensor map(3, size.height, size.width);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const uint8_t* from =
          picture.pixel(std::min(y, picture.size.height - 1), std::min(x, picture.size.width - 1));
      float* to = map.pixel(y, x);
      for (int c = 0; c < 3; ++c) to[c] = static_cast<float>(from[c]) / 255.0F;
    }
  }
  return map;
}

Picture picture_of(const Tensor& map, Size size) {
  Picture picture(size);
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const float value = std::clamp(map.at(c, y, x), 0.0F, 1.0F);
        picture.pixel(y, x)[c] = static_cast<uint8_t>(std::lround(value * 255.0F));
      }
    }
  }
  return picture;
}

Size size_of(const Tensor& map) {
  return {map.width, map.height};
}
Size twice(Size size) {
  return {2 * size.width, 2 * size.height};
}
Size half(Size size) {
  return {size.width / 2, size.height / 2};
}

void add(const Tensor& from, Tensor& to) {
  for (size_t i = 0; i < to.size(); ++i) to.data[i] += from.data[i];
}

// The channels of a, then those of b.
Tensor joined(const Tensor& a, const Tensor& b) {
  Tensor out(a.channels + b.channels, b.height, b.width);
  for (int y = 0; y < out.height; ++y) {
    for (int x = 0; x < out.width; ++x) {
      float* to = std::copy_n(a.pixel(y, x), a.channels, out.pixel(y, x));
      std::copy_n(b.pixel(y, x), b.channels, to);
    }
  }
  return out;
}

Tensor run(Network& network, const Tensor& x, Size full) {
  return network.run({.x = nn::view_of(x)}, full, whole(network.output_size(full)));
}

double macs_of(const Network& network, Size full) {
  return network.plan(full, whole(network.output_size(full)))->macs;
}

// P and U of an enhancement layer.
class Prediction {
 public:
  Prediction(const MeiPrediction& d, const MeiPredictionWeights& w, nn::Context& context)
      : two_(halvings(2)),
        one_(halvings(1)),
        reduce_(context, Network::Role::kAnalysis, d.reduce, w.reduce, d.reduce),
        first_(context, Network::Role::kAnalysis, d.first, w.first, d.first),
        second_(context, Network::Role::kAnalysis, d.second, w.second, d.second),
        enlarge_(context, Network::Role::kSynthesis, d.enlarge, w.enlarge, two_),
        context_(context, Network::Role::kSynthesis, d.context, w.context, one_) {}

  // P: a map to the latents above it, of twice its size.
  Tensor predict(const Tensor& below) {
    Tensor sum = run(reduce_, below, size_of(below));
    const Size inner = size_of(sum);
    const Tensor b = run(first_, sum, inner);
    add(b, sum);
    const Tensor c = run(second_, sum, inner);
    add(c, sum);
    return run(enlarge_, sum, twice(size_of(below)));
  }

  // U: what is handed on beside those latents.
  Tensor context(const Tensor& below) { return run(context_, below, twice(size_of(below))); }

  // Multiply-adds for a map of that size.
  double predict_macs(Size below) const {
    return macs_of(reduce_, below) + macs_of(first_, half(below)) + macs_of(second_, half(below)) +
           macs_of(enlarge_, twice(below));
  }
  double context_macs(Size below) const { return macs_of(context_, twice(below)); }

 private:
  std::vector<nn::Op> two_, one_;
  Network reduce_, first_, second_, enlarge_, context_;
};

}  // namespace

struct MeiSystem::Layer {
  Layer(const CodecDescription& description, const CodecWeights& w, nn::Context& context)
      : weights(w), codec(description, w, context), factorised(description.factorised()) {}

  // Symbols of y less its prediction, which becomes y_hat.
  Result<std::vector<uint8_t>> encode(const Tensor& y, Size picture, Tensor& predicted) {
    Tensor residual = y;
    for (size_t i = 0; i < residual.size(); ++i) residual.data[i] -= predicted.data[i];
    std::vector<int32_t> z;
    if (!factorised) z = codec.quantise_hyper(codec.hyper_analyse(residual));
    const HyperParameters known = codec.hyper_synthesise(z, picture);
    const std::vector<int32_t> symbols = quantise(residual, known.means);
    add(dequantise(symbols, known.means), predicted);
    return encode_layer({.z = z, .y = symbols, .indexes = known.indexes}, weights.z, weights.y);
  }

  // The same from a stream.
  Status decode(std::span<const uint8_t> stream, Size picture, Tensor& predicted) {
    auto decoder = LayerDecoder::open(stream);
    if (!decoder) return decoder.error();
    std::vector<int32_t> z(static_cast<size_t>(codec.hyper_size(picture).pixels()) * codec.hyper_channels());
    if (const Status s = decoder->decode_z(weights.z, z); !s) return s;
    HyperParameters known = codec.hyper_synthesise(z, picture);
    if (const Status s = decoder->decode_y_onto(weights.y, known.indexes, known.means.data); !s) return s;
    add(known.means, predicted);
    return {};
  }

  const CodecWeights& weights;
  CodecNetworks codec;
  bool factorised;
  std::optional<Prediction> prediction;  // none of the base layer
};

struct MeiSystem::Parts {
  Parts(std::shared_ptr<const MeiModel> m, int threads, Precision precision)
      : model(std::move(m)), pool(threads), context(pool, precision) {
    layers.push_back(std::make_unique<Layer>(model->base_description.base, model->base, context));
    for (size_t k = 0; k < model->codecs.size(); ++k) {
      const MeiLayerDescription& d = model->mei.layers[k];
      layers.push_back(std::make_unique<Layer>(d.codec, model->codecs[k], context));
      layers.back()->prediction.emplace(d.prediction, model->predictions[k], context);
    }
  }

  // y_hat of layer k before its symbols: zeros, or what the map below predicts.
  Tensor predicted(size_t k, const Tensor& below, Size picture) {
    if (k > 0) return layers[k]->prediction->predict(below);
    const Size latent = layers[0]->codec.latent_size(picture);
    return {layers[0]->codec.latent_channels(), latent.height, latent.width};
  }
  // What layer k's picture is made from, and the layer above predicted from.
  Tensor map_of(size_t k, const Tensor& below, Tensor y_hat) {
    if (k == 0) return y_hat;
    return joined(layers[k]->prediction->context(below), y_hat);
  }

  std::shared_ptr<const MeiModel> model;
  ThreadPool pool;
  nn::Context context;
  std::vector<std::unique_ptr<Layer>> layers;
};

MeiSystem::MeiSystem(std::shared_ptr<const MeiModel> model, int threads, Precision precision)
    : parts_(std::make_unique<Parts>(std::move(model), threads, precision)) {}
MeiSystem::~MeiSystem() = default;

Status MeiSystem::accepts(const std::vector<Size>& sizes) {
  const auto doubles = [](int below, int above) { return std::abs(2 * below - above) <= 1; };
  bool good = sizes.size() == kLayers;
  for (size_t k = 0; k < sizes.size(); ++k) {
    good = good && sizes[k].width > 0 && sizes[k].height > 0 && sizes[k].width <= kMaxSide &&
           sizes[k].height <= kMaxSide;
    if (k > 0) {
      good = good && doubles(sizes[k - 1].width, sizes[k].width) &&
             doubles(sizes[k - 1].height, sizes[k].height);
    }
  }
  if (good) return {};
  return Error{ErrorCode::kUsage,
               fmt::format("this system has {} layers, each twice as large as the one below", kLayers)};
}

Result<std::vector<uint8_t>> MeiSystem::encode(const std::vector<Picture>& originals) {
  const std::vector<Size> sizes = sizes_of(originals);
  if (const Status good = accepts(sizes); !good) return good.error();
  const std::vector<Size> padded = padded_sizes(sizes);
  std::vector<uint8_t> bytes(kSignature.begin(), kSignature.end());
  std::vector<uint8_t> streams;
  Tensor below;
  for (size_t k = 0; k < kLayers; ++k) {
    Layer& layer = *parts_->layers[k];
    const Tensor y = layer.codec.analyse(padded_map(originals[k], padded[k]), nullptr, 0.0F);
    Tensor y_hat = parts_->predicted(k, below, padded[k]);
    const auto stream = layer.encode(y, padded[k], y_hat);
    if (!stream) return stream.error();
    put(bytes, static_cast<uint32_t>(sizes[k].width), 2);
    put(bytes, static_cast<uint32_t>(sizes[k].height), 2);
    put(bytes, static_cast<uint32_t>(stream->size()), 4);
    streams.insert(streams.end(), stream->begin(), stream->end());
    if (k + 1 < kLayers) below = parts_->map_of(k, below, std::move(y_hat));
  }
  bytes.insert(bytes.end(), streams.begin(), streams.end());
  return bytes;
}

Result<std::vector<uint64_t>> MeiSystem::layer_ends(std::span<const uint8_t> bytes) {
  auto header = parse_header(bytes);
  if (!header) return header.error();
  return std::move(header->ends);
}

Result<Picture> MeiSystem::decode(std::span<const uint8_t> bytes, size_t wanted) {
  const auto header = parse_header(bytes);
  if (!header) return header.error();
  if (wanted >= kLayers) return Error{ErrorCode::kUsage, fmt::format("mei: there is no layer {}", wanted)};
  if (bytes.size() < header->ends[wanted]) return bad("bytes are missing");
  const std::vector<Size> padded = padded_sizes(header->sizes);
  Tensor below;
  for (size_t k = 0; k <= wanted; ++k) {
    const size_t begin = k == 0 ? kHeaderBytes : header->ends[k - 1];
    Tensor y_hat = parts_->predicted(k, below, padded[k]);
    const Status decoded =
        parts_->layers[k]->decode(bytes.subspan(begin, header->ends[k] - begin), padded[k], y_hat);
    if (!decoded) return Error{decoded.error().code, fmt::format("layer {}: {}", k, decoded.error().message)};
    below = parts_->map_of(k, below, std::move(y_hat));
  }
  const Tensor x_hat = parts_->layers[wanted]->codec.synthesise(below, nullptr, 0.0F, padded[wanted]);
  return picture_of(x_hat, header->sizes[wanted]);
}

MeiCost MeiSystem::cost(const std::vector<Size>& sizes) const {
  MeiCost sum;
  const std::vector<Size> padded = padded_sizes(sizes);
  for (size_t k = 0; k < kLayers; ++k) {
    const Layer& layer = *parts_->layers[k];
    const CodecNetworks::Cost cost = layer.codec.cost(padded[k]);
    sum.encode += cost.g_a + cost.h_a + cost.h_s;
    sum.decode += cost.h_s;
    if (k + 1 == kLayers) sum.decode += cost.g_s;
    if (k == 0) continue;
    const Size below = parts_->layers[k - 1]->codec.latent_size(padded[k - 1]);
    const double predicting = layer.prediction->predict_macs(below);
    const double context = layer.prediction->context_macs(below);
    sum.encode += predicting + (k + 1 < kLayers ? context : 0.0);
    sum.decode += predicting + context;
  }
  return sum;
}

}  // namespace compass::eval
