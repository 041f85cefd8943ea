// Encodes the suite's pictures, or decodes its files in every way this process can.
//
//   compass_conformance MODEL encode DIR [threads [precision]]   writes files and what they must decode to
//   compass_conformance MODEL hash DIR                           writes pixels.tsv anew, for files that stay
//   compass_conformance MODEL check DIR [threads [best]]         exits with 1 if anything differs from that
//
// `check` sweeps threads (1 to 3 unless their number is given), precision, tiling and the targets of our own
// kernels (unless only the best one is asked for). oneDNN, which multiplies in bf16 alone, chooses its
// instructions once per process, from ONEDNN_MAX_CPU_ISA: the caller sweeps that (test_conformance.py).
#include <fmt/format.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/latent_coder.h"
#include "codec/layer_blocks.h"
#include "codec/loop_filter.h"
#include "codec/pyramid_networks.h"
#include "codec/runtime.h"
#include "entropy/layer_coder.h"
#include "nn/kernels.h"
#include "suite.h"

namespace compass::conformance {
namespace {

// Peak errors of pixels whose range is 1, against references that are kept to 1/8192. In f32, a hundredth of
// an 8-bit step beside the references' own rounding. bf16 has 8 bits of mantissa: five 8-bit steps for pixels
// that reach 3.
constexpr double kPeakF32 = 0.5 / 8192 + 0.01 / 255;
constexpr double kPeakBf16 = 0.02;

// The blocks of a tiled layer's z, and of its y and indexes, each put in its place.
template <typename T>
void place(std::span<const T> block, Rect part, int channels, Size whole_size, std::span<T> map) {
  for_part_rows(whole(whole_size), part, channels, [&](size_t to, size_t from, size_t count) {
    std::copy_n(block.data() + from, count, map.data() + to);
  });
}

template <typename T>
std::vector<T> part_of(std::span<const T> map, Rect part, int channels, Size whole_size) {
  std::vector<T> block(part.size().pixels() * channels);
  for_part_rows(whole(whole_size), part, channels, [&](size_t from, size_t to, size_t count) {
    std::copy_n(map.data() + from, count, block.data() + to);
  });
  return block;
}

struct Symbols {
  std::vector<int32_t> z;
  std::vector<uint8_t> indexes;
  std::vector<int32_t> y;
};

Status decode_y(LayerDecoder& decoder, const PyramidNetworks& pyramid, const SpatialLayer& layer, int width,
                std::span<const uint8_t> indexes, std::span<int32_t> y) {
  const CdfTables& tables = pyramid.model().latent_tables(codec_of_layer(layer.k));
  const auto trellis = trellis_layout(pyramid.model(), layer, width);
  return trellis ? decoder.decode_levels(tables, *trellis, indexes, y) : decoder.decode_y(tables, indexes, y);
}

// Of layer k: the streams of z, h_s on the whole layer, the streams of y. A layer that is not tiled has one
// stream of both.
Result<Symbols> decode_layer(const PyramidNetworks& pyramid, const SpatialLayer& layer,
                             CodecNetworks& networks, const ContainerHeader& header,
                             std::span<const uint8_t> file) {
  const LayerEntry& entry = header.layers[layer.k];
  const CodecKind kind = codec_of_layer(layer.k);
  const CdfTables& z_tables = pyramid.model().hyper_tables(kind);
  const FilterWeights& filter = pyramid.filter(layer.k);
  const Size latent = networks.latent_size(layer.size()), hyper = networks.hyper_size(layer.size());
  Symbols symbols;
  symbols.z.resize(hyper.pixels() * networks.hyper_channels());
  symbols.y.resize(latent.pixels() * networks.latent_channels());
  if (!is_tiled(layer.size())) {
    auto decoder = LayerDecoder::open(file.subspan(entry.offset, entry.bytes));
    if (!decoder) return decoder.error();
    std::vector<int32_t> coefficients(coefficient_count(filter, layer.size()));
    if (const auto s = decoder->decode_coefficients(filter.directions, coefficients); !s) return s.error();
    if (const auto s = decoder->decode_z(z_tables, symbols.z); !s) return s.error();
    symbols.indexes = networks.hyper_synthesise(symbols.z, layer.size()).indexes;
    if (const auto s = decode_y(*decoder, pyramid, layer, latent.width, symbols.indexes, symbols.y); !s)
      return s.error();
    return symbols;
  }
  const auto index = read_index(header, layer.k, file.subspan(entry.offset, entry.index_bytes));
  if (!index) return index.error();
  for (size_t i = 0; i < index->z.size(); ++i) {
    const Rect part = hyper_blocks(pyramid, layer).positions(i);
    std::vector<int32_t> z(part.size().pixels() * networks.hyper_channels());
    auto decoder = LayerDecoder::open(file.subspan(index->z[i].range.offset, index->z[i].range.bytes));
    if (!decoder) return decoder.error();
    if (const auto s = decoder->decode_z(z_tables, z); !s) return s.error();
    if (const auto s = decode_y(*decoder, pyramid, layer, 1, {}, {}); !s) return s.error();
    place<int32_t>(z, part, networks.hyper_channels(), hyper, symbols.z);
  }
  symbols.indexes = networks.hyper_synthesise(symbols.z, layer.size()).indexes;
  for (size_t i = 0; i < index->y.size(); ++i) {
    const Rect part = latent_blocks(pyramid, layer).positions(i);
    const auto indexes = part_of<uint8_t>(symbols.indexes, part, networks.latent_channels(), latent);
    std::vector<int32_t> y(indexes.size());
    std::vector<int32_t> coefficients(block_regions(layer.size(), i).size() * filter.directions);
    auto decoder = LayerDecoder::open(file.subspan(index->y[i].range.offset, index->y[i].range.bytes));
    if (!decoder) return decoder.error();
    if (const auto s = decoder->decode_coefficients(filter.directions, coefficients); !s) return s.error();
    if (const auto s = decode_y(*decoder, pyramid, layer, part.width, indexes, y); !s) return s.error();
    place<int32_t>(y, part, networks.latent_channels(), latent, symbols.y);
  }
  return symbols;
}

// The symbols of one file, all layers: what the decoder does before it makes pixels.
Result<std::vector<SymbolHashes>> decode_hashes(const std::shared_ptr<const Model>& model,
                                                nn::Context& context, std::span<const uint8_t> file) {
  const auto parsed = parse_header(file);
  if (!parsed) return parsed.error();
  if (!parsed->header) return Error{ErrorCode::kBadFile, "the header is cut off"};
  PyramidNetworks networks(model, context);
  std::vector<Size> sizes;
  for (const LayerEntry& layer : parsed->header->layers) sizes.push_back(layer.size);
  std::vector<SymbolHashes> hashes;
  for (int k = 0; k < static_cast<int>(sizes.size()); ++k) {
    const float rate = model->rate_position(parsed->header->layers[k].quality / 10.0);
    const auto symbols = decode_layer(networks, {sizes, k, rate}, networks.codec(k), *parsed->header, file);
    if (!symbols) return symbols.error();
    hashes.push_back(hashes_of(sizes[k], symbols->z, symbols->indexes, symbols->y));
  }
  return hashes;
}

Result<Image> decode(Decoder& decoder, std::span<const uint8_t> file, int layer, std::optional<Rect> region) {
  MemorySource source(file);
  auto decoded = decoder.decode(source, {.layer = layer, .region = region, .strict = true});
  if (!decoded) return decoded.error();
  return std::move(decoded->image);
}

// The layer put together from regions decoded one by one, about three a side, their edges off any grid.
Result<Image> decode_tiled(Decoder& decoder, std::span<const uint8_t> file, int layer, Size size) {
  Image image(size);
  const int stride_x = size.width / 3 + 1;
  const int stride_y = size.height / 3 + 1;
  for (int top = 0; top < size.height; top += stride_y) {
    for (int left = 0; left < size.width; left += stride_x) {
      const Rect area{left, top, std::min(stride_x, size.width - left),
                      std::min(stride_y, size.height - top)};
      const auto part = decode(decoder, file, layer, area);
      if (!part) return part.error();
      for (int c = 0; c < 3; ++c) {
        for (int y = 0; y < area.height; ++y) {
          std::copy_n(part->row(c, y), area.width, image.row(c, top + y) + left);
        }
      }
    }
  }
  return image;
}

double peak_error(const Image& a, const Image& b) {
  double peak = 0.0;
  for (int c = 0; c < 3; ++c) {
    for (size_t i = 0; i < a.plane(c).size(); ++i) {
      const double error = std::abs(static_cast<double>(a.plane(c)[i]) - b.plane(c)[i]);
      if (!(error <= peak)) peak = error;  // NaN is kept
    }
  }
  return peak;
}

// Our kernels' targets that this CPU has, best first.
std::vector<int64_t> kernel_targets() {
  std::vector<int64_t> targets;
  for (int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    targets.push_back(left & -left);
  }
  return targets;
}

struct Tally {
  int configurations = 0;
  int failures = 0;
  int exact = 0;  // layers whose pixels were the same to the bit
  uint64_t symbols = 0;
  double peak_f32 = 0.0;
  double peak_bf16 = 0.0;
};

const char* name_of(Precision precision) {
  return precision == Precision::kBF16 ? "bf16" : precision == Precision::kExact ? "exact" : "f32";
}

struct Setting {
  int threads;
  Precision precision;
  std::string target;
  std::string text() const {
    return fmt::format("{} threads, {}, kernels {}", threads, name_of(precision), target);
  }
};

void fail(Tally& tally, const std::string& what) {
  ++tally.failures;
  fmt::print("FAILED {}\n", what);
}

// A layer's pixels against the references, and to the bit if they are exact.
void check_pixels(const Image& image, const Expected& expected, size_t k, const Setting& setting,
                  const std::string& what, Tally& tally) {
  const bool bf16 = setting.precision == Precision::kBF16;
  const double peak = peak_error(image, expected.pixels[k]);
  double& worst = bf16 ? tally.peak_bf16 : tally.peak_f32;
  worst = std::max(worst, peak);
  if (!(peak <= (bf16 ? kPeakBf16 : kPeakF32))) {
    fail(tally, fmt::format("{}: pixels are off by {:.2g}", what, peak));
  }
  if (setting.precision != Precision::kExact) return;
  if (k < expected.exact.size() && hashes_of(image) == expected.exact[k]) {
    ++tally.exact;
  } else {
    fail(tally, fmt::format("{}: other exact pixels", what));
  }
}

// One file under one setting: every layer's symbols, and its pixels whole and tiled.
void check_file(const std::shared_ptr<const Model>& model, nn::Context& context, Decoder& decoder,
                std::span<const uint8_t> file, const Expected& expected, const std::string& name,
                const Setting& setting, Tally& tally) {
  const std::string what = fmt::format("{}, {}", name, setting.text());
  const auto hashes = decode_hashes(model, context, file);
  if (!hashes) return fail(tally, fmt::format("{}: {}", what, hashes.error().message));
  for (size_t k = 0; k < expected.symbols.size(); ++k) {
    if (k >= hashes->size() || (*hashes)[k] != expected.symbols[k]) {
      fail(tally, fmt::format("{}: layer {}: other symbols", what, k));
    } else {
      tally.symbols += (*hashes)[k].count;
    }
    for (const bool tiled : {false, true}) {
      const int layer = static_cast<int>(k);
      const auto image = tiled ? decode_tiled(decoder, file, layer, expected.symbols[k].size)
                               : decode(decoder, file, layer, std::nullopt);
      if (!image) return fail(tally, fmt::format("{}: layer {}: {}", what, k, image.error().message));
      check_pixels(*image, expected, k, setting,
                   fmt::format("{}: layer {}, {}", what, k, tiled ? "tiled" : "untiled"), tally);
    }
  }
}

using Files = std::map<std::string, std::vector<uint8_t>>;

Result<Files> read_files(const std::string& directory) {
  Files files;
  for (const Case& c : cases()) {
    auto file = read_file(directory + "/" + c.name + ".cmps");
    if (!file) return file.error();
    files[c.name] = *std::move(file);
  }
  return files;
}

int failed(const Error& error) {
  fmt::print("{}\n", error.message);
  return 1;
}

int check(const std::shared_ptr<const Model>& model, const std::string& directory,
          const std::vector<int>& thread_counts, const std::vector<int64_t>& kernels) {
  const auto all = read_expected(directory);
  if (!all) return failed(all.error());
  auto files = read_files(directory);
  if (!files) return failed(files.error());
  Tally tally;
  std::set<std::string> implementations, targets;
  for (const Precision precision : {Precision::kF32, Precision::kExact, Precision::kBF16}) {
    if (nn::resolve(precision) != precision) continue;  // these instructions have no bf16
    for (const int threads : thread_counts) {
      ThreadPool pool(threads);
      nn::Context context(pool, precision);
      Decoder decoder(model, {.threads = threads, .precision = precision});
      for (const int64_t target : kernels) {
        hwy::SetSupportedTargetsForTest(target);
        const Setting setting{threads, precision, nn::kernel_target()};
        targets.insert(setting.target);
        for (const auto& [name, expected] : *all) {
          check_file(model, context, decoder, (*files)[name], expected, name, setting, tally);
        }
        hwy::SetSupportedTargetsForTest(0);
        tally.configurations += 2;  // whole and tiled
      }
      for (const auto& name : decoder.runtime().context.implementations()) implementations.insert(name);
    }
  }
  fmt::print(
      "{} files, {} configurations, {} symbols compared, {} layers exact; largest pixel error {:.2g} f32, "
      "{:.2g} bf16; {}\n",
      files->size(), tally.configurations, tally.symbols, tally.exact, tally.peak_f32, tally.peak_bf16,
      tally.failures == 0 ? "all good" : fmt::format("{} FAILURES", tally.failures));
  fmt::print("convolutions: {}; kernels: {}\n", fmt::join(implementations, " "), fmt::join(targets, " "));
  return tally.failures == 0 && tally.configurations > 0 && tally.symbols > 0 && tally.exact > 0 ? 0 : 1;
}

// The hashes of a file's exact pixels.
Result<std::vector<PixelHashes>> exact_hashes(const std::shared_ptr<const Model>& model,
                                              std::span<const uint8_t> file) {
  const auto parsed = parse_header(file);
  if (!parsed) return parsed.error();
  if (!parsed->header) return Error{ErrorCode::kBadFile, "the header is cut off"};
  Decoder decoder(model, {.threads = 1, .precision = Precision::kExact});
  std::vector<PixelHashes> hashes;
  for (size_t k = 0; k < parsed->header->layers.size(); ++k) {
    const auto image = decode(decoder, file, static_cast<int>(k), std::nullopt);
    if (!image) return image.error();
    hashes.push_back(hashes_of(*image));
  }
  return hashes;
}

int write_hashes(const std::shared_ptr<const Model>& model, const std::string& directory) {
  const auto files = read_files(directory);
  if (!files) return failed(files.error());
  std::map<std::string, Expected> all;
  for (const auto& [name, file] : *files) {
    auto hashes = exact_hashes(model, file);
    if (!hashes) return failed({hashes.error().code, name + ": " + hashes.error().message});
    all[name].exact = *std::move(hashes);
  }
  const Status written = write_exact(directory, all);
  return written ? 0 : failed(written.error());
}

int encode(const std::shared_ptr<const Model>& model, const std::string& directory, int threads,
           Precision precision) {
  std::map<std::string, Expected> all;
  ThreadPool pool(threads);
  nn::Context context(pool, precision);
  Encoder encoder(model, {.threads = threads, .precision = precision});
  Decoder decoder(model, {.threads = 1, .precision = Precision::kF32});
  for (const Case& c : cases()) {
    const Image picture = picture_of(c);
    const bool f32 = precision != Precision::kBF16;
    auto encoded = encoder.encode(
        picture, {.sizes = c.sizes, .quality = c.quality, .measure = f32, .keep_reconstructions = f32});
    if (!encoded) {
      fmt::print("{}: {}\n", c.name, encoded.error().message);
      return 1;
    }
    const auto hashes = decode_hashes(model, context, encoded->bytes);
    if (!hashes) {
      fmt::print("{}: {}\n", c.name, hashes.error().message);
      return 1;
    }
    const auto exact = exact_hashes(model, encoded->bytes);
    if (!exact) return failed({exact.error().code, c.name + ": " + exact.error().message});
    Expected expected{*hashes, {}, *exact};
    // The encoder's own reconstructions, made from its own symbols; in bf16 they are too coarse for a
    // reference.
    if (f32) expected.pixels = std::move(encoded->reconstructions);
    for (size_t k = 0; !f32 && k < c.sizes.size(); ++k) {
      auto image = decode(decoder, encoded->bytes, static_cast<int>(k), std::nullopt);
      if (!image) {
        fmt::print("{}: {}\n", c.name, image.error().message);
        return 1;
      }
      expected.pixels.push_back(*std::move(image));
    }
    all[c.name] = std::move(expected);
    if (const auto status = write_file(directory + "/" + c.name + ".cmps", encoded->bytes); !status) {
      fmt::print("{}\n", status.error().message);
      return 1;
    }
  }
  const Status written = write_expected(directory, all);
  if (!written) fmt::print("{}\n", written.error().message);
  return written ? 0 : 1;
}

int run(std::vector<std::string> arguments) {
  arguments.resize(std::max<size_t>(arguments.size(), 5));
  const auto model = Model::load(arguments[0]);
  if (!model) {
    fmt::print("{}\n", model.error().message);
    return 1;
  }
  const std::string& directory = arguments[2];
  const int threads = arguments[3].empty() ? 0 : std::stoi(arguments[3]);
  if (arguments[1] == "check") {
    auto kernels = kernel_targets();
    if (arguments[4] == "best") kernels.resize(1);
    return check(*model, directory, threads > 0 ? std::vector{threads} : std::vector{1, 2, 3}, kernels);
  }
  if (arguments[1] == "hash") return write_hashes(*model, directory);
  if (arguments[1] == "encode") {
    const Precision precision = arguments[4] == "bf16"    ? Precision::kBF16
                                : arguments[4] == "exact" ? Precision::kExact
                                                          : Precision::kF32;
    return encode(*model, directory, std::max(threads, 1), precision);
  }
  fmt::print("usage: compass_conformance MODEL encode|hash|check DIR [threads [f32|bf16|exact|best]]\n");
  return 2;
}

}  // namespace
}  // namespace compass::conformance

int main(int argc, char** argv) {
  return compass::conformance::run({argv + 1, argv + argc});
}
