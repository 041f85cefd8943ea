// compass encode: a picture in, a .cmps file out.
#include <fmt/format.h>

#include <cmath>
#include <future>
#include <memory>
#include <optional>

#include "cmps_header.h"
#include "commands.h"
#include "common/command.h"
#include "common/image_file.h"
#include "common/input_file.h"
#include "common/layer_table.h"
#include "common/library.h"
#include "common/model_path.h"
#include "common/output_file.h"
#include "common/parse.h"
#include "common/plain_text.h"
#include "common/progress.h"
#include "core/background.h"
#include "core/clock.h"
#include "photo_encoding.h"
#include "quality_options.h"
#include "target_options.h"

namespace compass::tools {
namespace {

constexpr int kDefaultLayers = 3;

struct Options {
  std::string input;
  std::string output;
  std::string append;  // the file that a layer is added to
  std::optional<int> layers;
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

Result<std::vector<Size>> scaled_sizes(Size full, const std::vector<double>& scales) {
  std::vector<compass_size> found(scales.size());
  compass_error error;
  const compass_status status = compass_sizes_from_scales({full.width, full.height}, scales.data(),
                                                          scales.size(), found.data(), &error);
  if (status != COMPASS_OK) return error_of(status, error);
  std::vector<Size> sizes;
  for (const compass_size& size : found) sizes.push_back({size.width, size.height});
  return sizes;
}

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
    if (const auto good = scaled_sizes({1, 1}, *scales); !good)
      return usage("--scales", good.error().message);
    layers.scales = *scales;
  } else {
    for (int k = options.layers.value_or(kDefaultLayers) - 1; k >= 0; --k)
      layers.scales.push_back(std::ldexp(1.0, -k));
  }
  return layers;
}

// Their sizes, lowest first, for a picture of size `full`.
Result<std::vector<Size>> layer_sizes(const Layers& layers, Size full) {
  if (layers.sizes.empty()) return scaled_sizes(full, layers.scales);
  if (layers.sizes.back() == full) return layers.sizes;
  return usage(layers.option,
               fmt::format("the last must be the picture's own size, {}x{}", full.width, full.height));
}

// Checks of numbers that need no file.
Status check(const Options& options) {
  if (options.layers && (*options.layers < 1 || *options.layers > COMPASS_MAX_LAYERS))
    return usage("--layers", fmt::format("{} is not 1 to {}", *options.layers, COMPASS_MAX_LAYERS));
  if (options.effort && (*options.effort < 0 || *options.effort > COMPASS_MAX_EFFORT))
    return usage("--effort", fmt::format("{} is not 0 to {}", *options.effort, COMPASS_MAX_EFFORT));
  if (options.output.empty() && options.append.empty())
    return Error{ErrorCode::kUsage, "OUT is required: the file to write"};
  return {};
}

// Refuses what a target would leave without effect.
Status check_targets(const Options& options, const TargetWish& targets, const QualityWish& quality) {
  if (!targets.targets.empty() && quality.qualities.size() > 1)
    return usage("--quality", "give one number at most together with a target, which finds the qualities");
  if (targets.sizes.empty()) return {};
  const char* other = options.layers            ? "--layers"
                      : !options.scales.empty() ? "--scales"
                      : !options.sizes.empty()  ? "--sizes"
                                                : nullptr;
  if (other != nullptr) return usage(other, "not together with a target that names the layers' sizes itself");
  if (options.append.empty()) return {};
  return usage("--append", "adds a layer of the picture's own size: give the target alone");
}

// A whole file that a layer is to be added to.
struct GrowingFile {
  std::vector<uint8_t> bytes;
  compass_info info;
};

Result<GrowingFile> read_file(const std::string& path) {
  Result<InputFile> input = InputFile::open(path);
  if (!input) return input.error();
  const Result<compass_info> info = peek_header(*input);
  if (!info) return info.error();
  Result<std::vector<uint8_t>> bytes = input->read_up_to(file_bytes(*info));
  if (!bytes) return bytes.error();
  return GrowingFile{*std::move(bytes), *info};
}

Status report(const Options& options, const std::string& path, const compass_model* model,
              const OwnedBytes& file, const compass_encode_report& spent, double seconds, const Photo& photo,
              const OutputFile& output) {
  compass_info info;
  compass_error error;
  const compass_status status = compass_read_info(file->data, file->size, &info, &error);
  if (status != COMPASS_OK) return error_of(status, error);
  std::vector<LayerRow> rows = rows_of(info, /*quality=*/false);
  for (size_t k = 0; options.psnr && k < rows.size(); ++k) rows[k].psnr = spent.psnr[k];
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", path},
                       {"model", model_json(model)},
                       {"quality", quality_json(info)},
                       {"effort", spent.effort},
                       {"bytes", file->size},
                       {"seconds", seconds},
                       {"layers", layer_json(rows)},
                       {"notes", photo.notes}});
  }
  if (options.common.quiet) return {};
  return print_report(
      fmt::format("{} to {}: {} bytes, model {}, quality {}, {:.2f} s\n{}", plain_line(options.input),
                  plain_line(path), grouped(file->size), plain_line(compass_model_name(model)),
                  quality_text(info), seconds, layer_table(rows)),
      output);
}

Status encode(const Options& options) {
  if (const Status good = check(options); !good) return good;
  const Result<compass_options> codec = library_options(options.common);
  if (!codec) return codec.error();
  Result<QualityWish> quality = parse_quality(options.quality);
  if (!quality) return quality.error();
  const Result<TargetWish> targets = parse_targets(options.targets);
  if (!targets) return targets.error();
  if (const Status good = check_targets(options, *targets, *quality); !good) return good;
  const bool appends = !options.append.empty();
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
  std::optional<GrowingFile> before;
  if (appends) {
    Result<GrowingFile> file = read_file(options.append);
    if (!file) return file.error();
    before = *std::move(file);
  }
  const Result<ModelHandle> model =
      appends ? open_model_for(before->info.decoder_id, options.common.model, options.append)
              : open_model(options.common.model);
  if (!model) return model.error();
  const Result<Photo> photo = reading.get();
  if (!photo) return photo.error();
  for (const std::string& note : photo->notes) warn(options.input + ": " + note, options.common);

  const Result<std::vector<Size>> sizes =
      appends ? std::vector<Size>{photo->size()} : layer_sizes(*layers, photo->size());
  if (!sizes) return sizes.error();
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  if (const Status good = apply_quality(*quality, read, *sizes, settings); !good) return good;
  PhotoEncoding encoding(*photo, options.strip);
  if (appends) {
    encoding.describe(settings);
  } else {
    encoding.describe(*sizes, settings);
  }
  if (!targets->targets.empty()) settings.targets = targets->targets.data();
  settings.target_count = targets->targets.size();
  settings.effort = options.effort.value_or(COMPASS_EFFORT_DEFAULT);
  settings.measure = options.psnr ? 1 : 0;
  compass_encode_report spent;
  compass_encode_report_init(&spent);
  settings.report = &spent;
  const auto start = Clock::now();
  const Result<OwnedBytes> file = [&]() -> Result<OwnedBytes> {
    ProgressBar progress("encoding", options.common.quiet);
    progress.follow(settings);
    const Result<EncoderHandle> encoder = new_encoder(model->get(), *codec);
    if (!encoder) return encoder.error();
    return appends ? encoding.append(encoder->get(), before->bytes, settings)
                   : encoding.encode(encoder->get(), settings);
  }();
  if (!file) {
    const std::string& name = appends ? options.append : options.input;
    const bool damaged = file.error().code == ErrorCode::kDamaged;
    return Error{file.error().code,
                 fmt::format("{}: {}{}", name, file.error().message, damaged ? ": get a whole copy" : "")};
  }
  const double seconds = seconds_since(start);
  if (const Status written = output->write({(*file)->data, (*file)->size}); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;
  return report(options, path, model->get(), *file, spent, seconds, *photo, *output);
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
          "about as long as decoding the file.")
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
  add_codec_flags(command, options->common,
                  "Model to encode with. Default: lite, or with --append the one that made the file.");
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
