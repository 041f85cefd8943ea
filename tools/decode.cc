// compass decode: a .cmps file in, a picture of any of its sizes out.
#include <fmt/format.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <optional>

#include "cmps_header.h"
#include "codec/decoder.h"
#include "common.h"
#include "core/clock.h"
#include "image_file.h"
#include "input_file.h"
#include "model_path.h"
#include "output_file.h"
#include "parse.h"
#include "progress.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  std::optional<int> layer;
  std::string size;
  std::string region;
  std::string format;
  bool strip = false;
  CommonFlags common;
};

Result<DecodeSettings> decode_settings(const Options& options) {
  DecodeSettings settings;
  settings.strict = options.common.strict;
  const auto usage = [](const char* option, const std::string& problem) {
    return Error{ErrorCode::kUsage, fmt::format("{}: {}", option, problem)};
  };
  if (options.layer) settings.layer = *options.layer;
  if (!options.size.empty()) {
    const Result<Size> size = parse_size(options.size);
    if (!size) return usage("--size", size.error().message);
    settings.size = *size;
  }
  if (!options.region.empty()) {
    const Result<Rect> region = parse_rect(options.region);
    if (!region) return usage("--region", region.error().message);
    settings.region = *region;
  }
  return settings;
}

// The last line of a run that lost something: what was lost is the error, what was saved is named.
Status damage_status(const Options& options, const DecodedPicture& picture) {
  if (picture.damage.empty()) return {};
  std::string lost = picture.damage.front();
  for (size_t i = 1; i < picture.damage.size(); ++i) lost += "; " + picture.damage[i];
  const Rect part = picture.part;
  const std::string written =
      options.region.empty()
          ? fmt::format("layer {} ({}x{})", picture.layer, picture.size().width, picture.size().height)
          : fmt::format("{},{},{},{} of layer {}", part.x, part.y, part.width, part.height, picture.layer);
  return Error{ErrorCode::kDamaged,
               fmt::format("{}: {}; wrote {} instead: get a whole copy of the file for the rest",
                           options.input, lost, written)};
}

Status decode(const Options& options) {
  if (const Status good = check_json_stream(options.common, options.output); !good) return good;
  const Result<CodecOptions> codec = codec_options(options.common);
  if (!codec) return codec.error();
  Result<DecodeSettings> settings = decode_settings(options);
  if (!settings) return settings.error();
  const Result<std::string> format = choose_format(options.output, options.format);
  if (!format) return format.error();
  if (options.output == "-" && isatty(STDOUT_FILENO) == 1) {
    return Error{ErrorCode::kUsage, "-: a picture's bytes are not for the terminal; name a file or a pipe"};
  }
  Result<InputFile> input = InputFile::open(options.input);
  if (!input) return input.error();
  Result<OutputFile> output = OutputFile::create(options.output);
  if (!output) return output.error();
  const Result<ContainerHeader> header = peek_header(*input, *codec);
  if (!header) return header.error();
  std::future<Status> ready = prepare_format(options.output, *format);
  const Result<std::shared_ptr<const Model>> model =
      load_model_for(header->model, options.common.model, input->name());
  if (!model) return model.error();
  if (const Status good = ready.get(); !good) return good;

  const auto start = Clock::now();
  const Result<DecodedPicture> picture = [&] {
    ProgressBar progress("decoding", options.common.quiet);
    settings->progress = progress.callback();
    settings->as_bytes = true;
    return Decoder(*model, *codec).decode(*input, *settings);
  }();
  if (!picture) {
    return Error{picture.error().code, fmt::format("{}: {}", input->name(), picture.error().message)};
  }
  const double seconds = seconds_since(start);
  const std::span<const MetadataChunk> metadata =
      options.strip ? std::span<const MetadataChunk>() : picture->metadata;
  if (const Status written = write_image(picture->rgb.view(), *format, *output, metadata); !written)
    return written;

  if (options.common.json) {
    const Status printed =
        print_json({{"input", options.input},
                    {"output", options.output},
                    {"model", {{"name", (*model)->name()}, {"id", to_string((*model)->id())}}},
                    {"layer", picture->layer},
                    {"width", picture->size().width},
                    {"height", picture->size().height},
                    {"seconds", seconds},
                    {"damage", picture->damage}});
    if (!printed) return printed;
  } else if (!options.common.quiet) {
    const Status printed =
        print_report(fmt::format("{} to {}: {}x{} from layer {}, {:.2f} s\n", options.input, options.output,
                                 picture->size().width, picture->size().height, picture->layer, seconds),
                     options.output);
    if (!printed) return printed;
  }
  return damage_status(options, *picture);
}

}  // namespace

void add_decode(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("decode", "Get a picture out of a .cmps file, at any size.");
  command.add_option("IN", options->input, "The .cmps file, or -.")->required();
  command.add_option("OUT", options->output, "Picture to write; its ending says the format. Or - (PPM).")
      ->required();
  CLI::Option* layer = command
                           .add_option("--layer", options->layer,
                                       "This layer (0 is the smallest), reading nothing past it. "
                                       "Default: the largest.")
                           ->option_text("K");
  CLI::Option* size =
      command
          .add_option(
              "--size", options->size,
              "Exactly this size: scaled down from the smallest layer that holds it, or predicted beyond "
              "the largest.")
          ->option_text("WxH")
          ->excludes(layer);
  command.add_option("--region", options->region, "Only this part of the layer; costs in proportion.")
      ->option_text("X,Y,W,H")
      ->excludes(size);
  command.add_option("--format", options->format, "Format to write, such as png, whatever OUT is called.")
      ->option_text("NAME");
  command.add_flag("--strip", options->strip, "Leave out the file's Exif and XMP.");
  add_codec_flags(command, options->common);
  add_strict_flag(command, options->common,
                  "Refuse damaged or cut files instead of writing what is left of them.");
  add_output_flags(command, options->common);
  command.footer(
      "Examples:\n"
      "  compass decode photo.cmps photo.png\n"
      "  compass decode photo.cmps icon.png --size 64x64\n"
      "  compass decode photo.cmps eye.png --region 800,400,256,256\n"
      "  curl -r 0-9999 https://example.org/photo.cmps | compass decode - part.png");
  command.callback([options, &action] { action = [options] { return decode(*options); }; });
}

}  // namespace compass::tools
