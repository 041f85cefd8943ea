// compass encode: a picture in, a .cmps file out.
#include <fmt/format.h>

#include <future>
#include <memory>
#include <optional>

#include "cmps_header.h"
#include "codec/encoder.h"
#include "commands.h"
#include "common/command.h"
#include "common/image_file.h"
#include "common/input_file.h"
#include "common/layer_table.h"
#include "common/model_path.h"
#include "common/output_file.h"
#include "common/parse.h"
#include "common/plain_text.h"
#include "common/progress.h"
#include "core/background.h"
#include "core/clock.h"
#include "quality_options.h"
#include "target_options.h"

namespace compass::tools {
namespace {

constexpr int kMaxLayers = static_cast<int>(kMaxLayerCount);

struct Options {
  std::string input;
  std::string output;
  std::string append;  // the file that a layer is added to
  int layers = 3;
  std::string scales;
  std::string sizes;
  QualityOptions quality;
  TargetOptions targets;
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
  const char* option = "--sizes";  // which named the sizes
};

Result<Layers> parse_layers(const Options& options, const TargetWish& targets) {
  Layers layers;
  if (!targets.sizes.empty()) {
    layers.sizes = targets.sizes;
    layers.option = "SIZE@VALUE";
  } else if (!options.sizes.empty()) {
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
  return usage(layers.option,
               fmt::format("the last must be the picture's own size, {}x{}", full.width, full.height));
}

// Checks of numbers that need no file.
Status check(const Options& options) {
  if (options.layers < 1 || options.layers > kMaxLayers)
    return usage("--layers", fmt::format("{} is not 1 to {}", options.layers, kMaxLayers));
  if (options.effort && (*options.effort < 0 || *options.effort > kMaxEffort))
    return usage("--effort", fmt::format("{} is not 0 to {}", *options.effort, kMaxEffort));
  if (options.output.empty() && options.append.empty())
    return Error{ErrorCode::kUsage, "OUT is required: the file to write"};
  return {};
}

// A whole file that a layer is to be added to.
Result<std::vector<uint8_t>> read_file(const std::string& path, const CodecOptions& codec) {
  Result<InputFile> input = InputFile::open(path);
  if (!input) return input.error();
  const Result<ContainerHeader> header = peek_header(*input, codec);
  if (!header) return header.error();
  return input->read_up_to(header->file_bytes());
}

// Adds a layer to a file. A picture with colours of its own must have the file's.
template <typename Picture>
Result<EncodedPicture> append(Encoder& encoder, const std::vector<uint8_t>& file, const Picture& picture,
                              EncodeSettings settings) {
  if (settings.kinds.own_colours) {
    const ContainerHeader header = *parse_header(file)->header;
    const uint64_t bytes = std::min<uint64_t>(header.metadata_bytes(), file.size() - header.bytes);
    const auto chunks = read_metadata(header, std::span(file).subspan(header.bytes, bytes));
    if (!chunks) return chunks.error();
    const auto icc = [](const std::vector<MetadataChunk>& of) {
      const auto found = std::ranges::find(of, MetadataChunk::kIcc, &MetadataChunk::type);
      return found == of.end() ? std::vector<uint8_t>() : found->bytes;
    };
    if (icc(*chunks) != icc(settings.metadata)) {
      return usage("--keep-profile", "the picture's profile is not the file's");
    }
  }
  settings.metadata.clear();
  settings.sizes.clear();
  return encoder.append(file, picture, settings);
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
  const Result<TargetWish> targets = parse_targets(options.targets);
  if (!targets) return targets.error();
  const bool appends = !options.append.empty();
  if (appends && !targets->sizes.empty())
    return usage("--append", "adds a layer of the picture's own size: give the target alone");
  const Result<Layers> layers = parse_layers(options, *targets);
  if (!layers) return layers.error();
  // A file that grows is replaced by itself, once that is whole.
  const std::string& path = options.output.empty() ? options.append : options.output;
  Result<OutputFile> output =
      OutputFile::create(path, {options.input, options.common.model, options.quality.map,
                                path == options.append ? std::string() : options.append});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  const ReadSettings read{.strict = options.common.strict,
                          .kinds = true,
                          .profile = options.keep_profile,
                          .max_pixels = codec->max_pixels,
                          .max_memory = codec->max_memory};
  std::future<Result<Photo>> reading = in_background([&] { return read_image(options.input, read); });
  std::vector<uint8_t> before;
  if (appends) {
    Result<std::vector<uint8_t>> file = read_file(options.append, *codec);
    if (!file) return file.error();
    before = *std::move(file);
  }
  const Result<std::shared_ptr<const Model>> model =
      appends ? load_model_for(parse_header(before)->header->decoder, options.common.model, options.append)
              : load_model(options.common.model);
  if (!model) return model.error();
  Result<Photo> photo = reading.get();
  if (!photo) return photo.error();
  for (const std::string& note : photo->notes) warn(options.input + ": " + note, options.common);

  const Result<std::vector<Size>> sizes =
      appends ? std::vector<Size>{photo->size()} : layer_sizes(*layers, photo->size());
  if (!sizes) return sizes.error();
  EncodeSettings settings;
  settings.sizes = *sizes;
  if (const Status good = apply_quality(*quality, read, settings); !good) return good;
  settings.targets = targets->targets;
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
    const auto coded = [&](const auto& picture) {
      return appends ? append(encoder, before, picture, settings) : encoder.encode(picture, settings);
    };
    return photo->kinds.deep ? coded(photo->deep.view()) : coded(photo->image.view());
  }();
  if (!encoded) {
    if (!appends) return encoded.error();
    return Error{encoded.error().code, fmt::format("{}: {}", options.append, encoded.error().message)};
  }
  const double seconds = seconds_since(start);
  if (const Status written = output->write(encoded->bytes); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;

  const std::vector<LayerRow> rows = rows_of(*encoded, options.psnr);
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", path},
                       {"model",
                        {{"name", (*model)->name()},
                         {"id", to_string((*model)->id())},
                         {"decoder", to_string((*model)->decoder_id())}}},
                       {"quality", quality_json(*encoded)},
                       {"effort", encoded->effort},
                       {"bytes", encoded->bytes.size()},
                       {"seconds", seconds},
                       {"layers", layer_json(rows)},
                       {"notes", photo->notes}});
  }
  if (options.common.quiet) return {};
  return print_report(
      fmt::format("{} to {}: {} bytes, model {}, quality {}, {:.2f} s\n{}", plain_line(options.input),
                  plain_line(path), grouped(encoded->bytes.size()), plain_line((*model)->name()),
                  quality_text(*encoded), seconds, layer_table(rows)),
      *output);
}

}  // namespace

void add_encode(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("encode", "Put a picture into a .cmps file, at several sizes at once.");
  command.add_option("IN", options->input, "Picture to encode (PNG, JPEG, WebP, TIFF, PNM, ...), or -.")
      ->required();
  command.add_option("OUT", options->output,
                     "File to write, usually named .cmps, or -. Needed, but for --append.");
  add_quality_options(command, options->quality);
  add_target_options(command, options->targets);
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
  CLI::Option* sizes =
      command
          .add_option("--sizes", options->sizes,
                      "Layers as exact sizes, lowest first, none smaller than the one before on either axis: "
                      "192x128,384x256,768x512.")
          ->option_text("LIST")
          ->excludes(layers)
          ->excludes(scales);
  command
      .add_option(
          "--append", options->append,
          "Add the picture, in its own size, to this file as a layer that is predicted from its largest; "
          "nothing that it holds is coded again. The file itself grows, unless there is an OUT. It keeps its "
          "metadata.")
      ->option_text("FILE")
      ->excludes(layers)
      ->excludes(scales)
      ->excludes(sizes);
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
      "  compass encode photo.jpg photo.cmps --target-size 40k\n"
      "  compass encode --append photo.cmps larger.png\n"
      "  djpeg photo.jpg | compass encode - - > photo.cmps");
  command.callback([options, &action] { action = [options] { return encode(*options); }; });
}

}  // namespace compass::tools
