// compass encode: a picture in, a .cmps file out.
#include <fmt/format.h>

#include <future>
#include <memory>
#include <optional>

#include "codec/encoder.h"
#include "commands.h"
#include "common/command.h"
#include "common/image_file.h"
#include "common/layer_table.h"
#include "common/model_path.h"
#include "common/output_file.h"
#include "common/parse.h"
#include "common/plain_text.h"
#include "common/progress.h"
#include "core/background.h"
#include "core/clock.h"
#include "quality_options.h"

namespace compass::tools {
namespace {

constexpr int kMaxLayers = static_cast<int>(kMaxLayerCount);

struct Options {
  std::string input;
  std::string output;
  int layers = 3;
  std::string scales;
  std::string sizes;
  QualityOptions quality;
  std::optional<int> effort;
  bool psnr = false;
  bool strip = false;
  bool keep_profile = false;
  CommonFlags common;
};

// The layers that the options ask for: sizes, or scales of a picture that has not been read yet.
struct Layers {
  std::vector<Size> sizes;
  std::vector<double> scales;
};

Result<Layers> parse_layers(const Options& options) {
  Layers layers;
  if (!options.sizes.empty()) {
    const Result<std::vector<Size>> sizes = parse_sizes(options.sizes);
    if (!sizes) return usage("--sizes", sizes.error().message);
    layers.sizes = *sizes;
  } else if (!options.scales.empty()) {
    const Result<std::vector<double>> scales = parse_scales(options.scales);
    if (!scales) return usage("--scales", scales.error().message);
    if (const auto good = sizes_from_scales({1, 1}, *scales); !good)
      return usage("--scales", good.error().message);
    layers.scales = *scales;
  } else {
    layers.scales = default_scales(options.layers);
  }
  return layers;
}

// Their sizes, lowest first, for a picture of size `full`.
Result<std::vector<Size>> layer_sizes(const Layers& layers, Size full) {
  if (layers.sizes.empty()) return sizes_from_scales(full, layers.scales);
  if (layers.sizes.back() == full) return layers.sizes;
  return usage("--sizes",
               fmt::format("the last must be the picture's own size, {}x{}", full.width, full.height));
}

// Checks of numbers that need no file.
Status check(const Options& options) {
  if (options.layers < 1 || options.layers > kMaxLayers)
    return usage("--layers", fmt::format("{} is not 1 to {}", options.layers, kMaxLayers));
  if (options.effort && (*options.effort < 0 || *options.effort > kMaxEffort))
    return usage("--effort", fmt::format("{} is not 0 to {}", *options.effort, kMaxEffort));
  return {};
}

std::vector<LayerRow> rows_of(const EncodedPicture& encoded, bool measured) {
  uint64_t total = encoded.bytes.size();
  for (const EncodedLayer& layer : encoded.layers) total -= layer.bytes;  // what is left: header and metadata
  std::vector<LayerRow> rows;
  for (const EncodedLayer& layer : encoded.layers) {
    total += layer.bytes;
    rows.push_back({.size = layer.size, .bytes = layer.bytes, .total_bytes = total});
    if (measured) rows.back().psnr = layer.psnr;
  }
  return rows;
}

Status encode(const Options& options) {
  if (const Status good = check(options); !good) return good;
  const Result<CodecOptions> codec = codec_options(options.common);
  if (!codec) return codec.error();
  const Result<QualityWish> quality = parse_quality(options.quality);
  if (!quality) return quality.error();
  const Result<Layers> layers = parse_layers(options);
  if (!layers) return layers.error();
  Result<OutputFile> output =
      OutputFile::create(options.output, {options.input, options.common.model, options.quality.map});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  const ReadSettings read{.strict = options.common.strict,
                          .kinds = true,
                          .profile = options.keep_profile,
                          .max_pixels = codec->max_pixels,
                          .max_memory = codec->max_memory};
  std::future<Result<Photo>> reading = in_background([&] { return read_image(options.input, read); });
  const Result<std::shared_ptr<const Model>> model = load_model(options.common.model);
  if (!model) return model.error();
  Result<Photo> photo = reading.get();
  if (!photo) return photo.error();
  for (const std::string& note : photo->notes) warn(options.input + ": " + note, options.common);

  const Result<std::vector<Size>> sizes = layer_sizes(*layers, photo->size());
  if (!sizes) return sizes.error();
  EncodeSettings settings;
  settings.sizes = *sizes;
  if (const Status good = apply_quality(*quality, read, settings); !good) return good;
  settings.effort = options.effort;
  settings.measure = options.psnr;
  settings.metadata = photo->metadata;
  if (options.strip)
    std::erase_if(settings.metadata, [&](const MetadataChunk& chunk) {
      return chunk.type != MetadataChunk::kIcc || !photo->kinds.own_colours;
    });
  settings.kinds = photo->kinds;
  if (photo->kinds.alpha) settings.alpha = photo->alpha.view();
  const auto start = Clock::now();
  Result<EncodedPicture> encoded = [&] {
    ProgressBar progress("encoding", options.common.quiet);
    settings.progress = progress.callback();
    Encoder encoder(*model, *codec);
    return photo->kinds.deep ? encoder.encode(photo->deep.view(), settings)
                             : encoder.encode(photo->image.view(), settings);
  }();
  if (!encoded) return encoded.error();
  const double seconds = seconds_since(start);
  if (const Status written = output->write(encoded->bytes); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;

  const std::vector<LayerRow> rows = rows_of(*encoded, options.psnr);
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", options.output},
                       {"model",
                        {{"name", (*model)->name()},
                         {"id", to_string((*model)->id())},
                         {"decoder", to_string((*model)->decoder_id())}}},
                       {"quality", quality_json(settings)},
                       {"effort", encoded->effort},
                       {"bytes", encoded->bytes.size()},
                       {"seconds", seconds},
                       {"layers", layer_json(rows)},
                       {"notes", photo->notes}});
  }
  if (options.common.quiet) return {};
  return print_report(
      fmt::format("{} to {}: {} bytes, model {}, quality {}, {:.2f} s\n{}", plain_line(options.input),
                  plain_line(options.output), grouped(encoded->bytes.size()), plain_line((*model)->name()),
                  quality_text(settings), seconds, layer_table(rows)),
      *output);
}

}  // namespace

void add_encode(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("encode", "Put a picture into a .cmps file, at several sizes at once.");
  command.add_option("IN", options->input, "Picture to encode (PNG, JPEG, WebP, TIFF, PNM, ...), or -.")
      ->required();
  command.add_option("OUT", options->output, "File to write, usually named .cmps, or -.")->required();
  add_quality_options(command, options->quality);
  command
      .add_option(
          "--effort", options->effort,
          "Rounds of search for symbols that take fewer bits, 0 to 40. Default: 2, or 0 above 16 "
          "megapixels. Files are some 6 % smaller with 2 than with 0, and 7 % with 12; each round takes "
          "about as long as two thirds of a decoding.")
      ->option_text("N");
  CLI::Option* layers =
      command.add_option("--layers", options->layers, "Layers, each half as large as the next. Default: 3.")
          ->option_text("N");
  CLI::Option* scales = command
                            .add_option("--scales", options->scales,
                                        "Layers as parts of the full size, lowest first, any reals up to 1: "
                                        "0.25,0.5,1 or 1/3,1.")
                            ->option_text("LIST")
                            ->excludes(layers);
  command
      .add_option("--sizes", options->sizes,
                  "Layers as exact sizes, lowest first, none smaller than the one before on either axis: "
                  "192x128,384x256,768x512.")
      ->option_text("LIST")
      ->excludes(layers)
      ->excludes(scales);
  command.add_flag("--psnr", options->psnr,
                   "Measure each layer's PSNR, which costs decoding the largest one.");
  command.add_flag("--strip", options->strip,
                   "Leave out the picture's metadata: Exif, XMP, the profile of other colours than sRGB.");
  command.add_flag(
      "--keep-profile", options->keep_profile,
      "Keep the colours of a picture with an RGB profile, such as Display P3, as they are, with the "
      "profile, instead of making them sRGB.");
  add_codec_flags(command, options->common);
  add_strict_flag(command, options->common,
                  "Refuse pictures that would lose pages, channels or depth beyond 16 bits.");
  add_output_flags(command, options->common);
  command.footer(
      "Examples:\n"
      "  compass encode photo.jpg photo.cmps\n"
      "  compass encode photo.png photo.cmps -q 80 --scales 1/6,1\n"
      "  djpeg photo.jpg | compass encode - - > photo.cmps");
  command.callback([options, &action] { action = [options] { return encode(*options); }; });
}

}  // namespace compass::tools
