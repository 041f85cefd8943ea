// compass encode: a picture in, a .cmps file out.
#include <fmt/format.h>

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
#include "common/plain_text.h"
#include "common/progress.h"
#include "core/background.h"
#include "core/clock.h"
#include "layer_options.h"
#include "photo_encoding.h"
#include "quality_options.h"
#include "target_options.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  std::string append;  // the file that a layer is added to
  LayerOptions layers;
  QualityOptions quality;
  TargetOptions targets;
  std::optional<int> effort;
  bool psnr = false;
  bool strip = false;
  bool keep_profile = false;
  CommonFlags common;
};

// Refuses what a target would leave without effect.
Status check_targets(const Options& options, const TargetWish& targets, const QualityWish& quality) {
  if (!targets.targets.empty() && quality.qualities.size() > 1)
    return usage("--quality", "give one number at most together with a target, which finds the qualities");
  if (targets.sizes.empty()) return {};
  if (const char* other = options.layers.given(); other != nullptr)
    return usage(other, "not together with a target that names the layers' sizes itself");
  if (options.append.empty()) return {};
  return usage("--append", "adds a layer of the picture's own size: give the target alone");
}

// What the options ask for, understood.
struct Wish {
  compass_options codec;
  QualityWish quality;
  TargetWish targets;
  LayerWish layers;
  ReadSettings read;

  // The quality that says which of the shipped models is best. One that is to be found is looked for with the
  // model of low qualities.
  double top_quality() const { return targets.targets.empty() ? quality.qualities.back() : 0.0; }
};

Result<Wish> parse(const Options& options) {
  if (options.effort && (*options.effort < 0 || *options.effort > COMPASS_MAX_EFFORT))
    return usage("--effort", fmt::format("{} is not 0 to {}", *options.effort, COMPASS_MAX_EFFORT));
  if (options.output.empty() && options.append.empty())
    return Error{ErrorCode::kUsage, "OUT is required: the file to write"};
  const Result<compass_options> codec = library_options(options.common);
  if (!codec) return codec.error();
  Result<QualityWish> quality = parse_quality(options.quality);
  if (!quality) return quality.error();
  Result<TargetWish> targets = parse_targets(options.targets);
  if (!targets) return targets.error();
  if (const Status good = check_targets(options, *targets, *quality); !good) return good.error();
  Result<LayerWish> layers = parse_layers(options.layers, *targets);
  if (!layers) return layers.error();
  return Wish{*codec, *std::move(quality), *std::move(targets), *std::move(layers),
              ReadSettings{.strict = options.common.strict,
                           .kinds = true,
                           .profile = options.keep_profile,
                           .max_pixels = codec->max_pixels,
                           .max_memory = codec->max_memory}};
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

// A file, and how it was made.
struct Made {
  ModelHandle model;
  OwnedBytes file;
  compass_encode_report spent;
};

// Whether a target was met at a quality, or may be had at one, for which there is another model.
bool wants_high_quality(const Result<Made>& made, const TargetWish& targets) {
  if (targets.targets.empty()) return false;
  if (!made) {
    return made.error().code == ErrorCode::kUsage && targets.targets.back().kind == COMPASS_TARGET_PSNR;
  }
  compass_info info;
  compass_error error;
  return compass_read_info(made->file->data, made->file->size, &info, &error) == COMPASS_OK &&
         info.layers[info.layer_count - 1].quality >= COMPASS_HIGH_QUALITY;
}

// With `model`, or where the user has named none with the one for the quality that a target is found to take.
// Adds the time that coding takes to `seconds`.
Result<Made> make(const Options& options, Wish& wish, const std::optional<GrowingFile>& before,
                  const Photo& photo, ModelHandle model, double& seconds) {
  const Result<std::vector<Size>> sizes =
      before ? std::vector<Size>{photo.size()} : layer_sizes(wish.layers, photo.size());
  if (!sizes) return sizes.error();
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  if (const Status good = apply_quality(wish.quality, wish.read, *sizes, settings); !good)
    return good.error();
  PhotoEncoding encoding(photo, options.strip);
  if (before) {
    encoding.describe(settings);
  } else {
    encoding.describe(*sizes, settings);
  }
  if (!wish.targets.targets.empty()) settings.targets = wish.targets.targets.data();
  settings.target_count = wish.targets.targets.size();
  settings.effort = options.effort.value_or(COMPASS_EFFORT_DEFAULT);
  settings.measure = options.psnr ? 1 : 0;
  const auto failed = [&](const Error& error) {
    return Error{error.code, fmt::format("{}: {}{}", before ? options.append : options.input, error.message,
                                         error.code == ErrorCode::kDamaged ? ": get a whole copy" : "")};
  };
  const auto code = [&](ModelHandle with) -> Result<Made> {
    const auto start = Clock::now();
    ProgressBar progress("encoding", options.common.quiet);
    progress.follow(settings);
    const Result<EncoderHandle> encoder = new_encoder(with.get(), wish.codec);
    if (!encoder) return failed(encoder.error());
    compass_encode_report spent;
    compass_encode_report_init(&spent);
    settings.report = &spent;
    Result<OwnedBytes> file = before ? encoding.append(encoder->get(), before->bytes, settings)
                                     : encoding.encode(encoder->get(), settings);
    seconds += seconds_since(start);
    if (!file) return failed(file.error());
    return Made{std::move(with), *std::move(file), spent};
  };
  Result<Made> made = code(std::move(model));
  if (before || !options.common.model.empty() || !wants_high_quality(made, wish.targets)) return made;
  const Result<std::vector<std::string>> shipped = shipped_models();
  if (!shipped || shipped->size() < 2) return made;
  Result<ModelHandle> high = open_model(shipped->back());
  if (!high) return made;
  Result<Made> better = code(*std::move(high));
  return better || !made ? std::move(better) : std::move(made);
}

Status report(const Options& options, const std::string& path, const Made& made, double seconds,
              const Photo& photo, const OutputFile& output) {
  const OwnedBytes& file = made.file;
  compass_info info;
  compass_error error;
  const compass_status status = compass_read_info(file->data, file->size, &info, &error);
  if (status != COMPASS_OK) return error_of(status, error);
  std::vector<LayerRow> rows = rows_of(info, /*quality=*/false);
  for (size_t k = 0; options.psnr && k < rows.size(); ++k) rows[k].psnr = made.spent.psnr[k];
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", path},
                       {"model", model_json(made.model.get())},
                       {"quality", quality_json(info)},
                       {"effort", made.spent.effort},
                       {"bytes", file->size},
                       {"seconds", seconds},
                       {"layers", layer_json(rows)},
                       {"notes", photo.notes}});
  }
  if (options.common.quiet) return {};
  return print_report(
      fmt::format("{} to {}: {} bytes, model {}, quality {}, {:.2f} s\n{}", plain_line(options.input),
                  plain_line(path), grouped(file->size), plain_line(compass_model_name(made.model.get())),
                  quality_text(info), seconds, layer_table(rows)),
      output);
}

Status encode(const Options& options) {
  Result<Wish> wish = parse(options);
  if (!wish) return wish.error();
  // A file that grows is replaced by itself, once that is whole.
  const std::string& path = options.output.empty() ? options.append : options.output;
  Result<OutputFile> output =
      OutputFile::create(path, {options.input, options.common.model, options.quality.map,
                                path == options.append ? std::string() : options.append});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  std::future<Result<Photo>> reading = in_background([&] { return read_image(options.input, wish->read); });
  std::optional<GrowingFile> before;
  if (!options.append.empty()) {
    Result<GrowingFile> file = read_file(options.append);
    if (!file) return file.error();
    before = *std::move(file);
  }
  Result<ModelHandle> model =
      before ? open_model_for(before->info.decoder_id, options.common.model, options.append)
             : open_model(options.common.model, wish->top_quality());
  if (!model) return model.error();
  const Result<Photo> photo = reading.get();
  if (!photo) return photo.error();
  for (const std::string& note : photo->notes) warn(options.input + ": " + note, options.common);

  double seconds = 0.0;
  const Result<Made> made = make(options, *wish, before, *photo, *std::move(model), seconds);
  if (!made) return made.error();
  if (const Status written = output->write({made->file->data, made->file->size}); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;
  return report(options, path, *made, seconds, *photo, *output);
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
  add_layer_options(command, options->layers);
  command
      .add_option(
          "--append", options->append,
          "Add the picture, in its own size, to this file as a layer that is predicted from its largest; "
          "nothing that it holds is coded again. The file itself grows, unless there is an OUT. It keeps its "
          "metadata.")
      ->option_text("FILE")
      ->excludes("--layers")
      ->excludes("--scales")
      ->excludes("--sizes");
  command.add_flag("--psnr", options->psnr,
                   "Measure each layer's PSNR, which costs decoding the largest one.");
  command.add_flag("--strip", options->strip,
                   "Leave out the picture's metadata: Exif, XMP, the profile of other colours than sRGB.");
  command.add_flag(
      "--keep-profile", options->keep_profile,
      "Keep the colours of a picture with an RGB profile, such as Display P3, as they are, with the "
      "profile, instead of making them sRGB.");
  add_codec_flags(command, options->common,
                  "Model to encode with. Default: lite, for a quality of 62.5 or more lite-hq; with --append "
                  "the one that made the file.");
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
