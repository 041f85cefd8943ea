// compass decode: a .cmps file in, a picture of any of its sizes out.
#include <fmt/format.h>

#include <future>
#include <memory>
#include <optional>

#include "cmps_header.h"
#include "codec/decoder.h"
#include "commands.h"
#include "common/command.h"
#include "common/image_file.h"
#include "common/input_file.h"
#include "common/model_path.h"
#include "common/output_file.h"
#include "common/parse.h"
#include "common/plain_text.h"
#include "common/progress.h"
#include "core/clock.h"
#include "pixel_md5.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  std::optional<int> layer;
  std::string size;
  std::string region;
  std::string format;
  std::optional<int> bits;
  bool best = false;
  bool strip = false;
  bool md5 = false;
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

// The size of the picture that is asked for, if the file is whole.
Size wanted_size(const ContainerHeader& header, const DecodeSettings& settings) {
  if (settings.size) return *settings.size;
  if (settings.region) return settings.region->size();
  const size_t top = header.layers.size() - 1;
  const bool known = settings.layer && *settings.layer >= 0 && static_cast<size_t>(*settings.layer) <= top;
  return header.layers[known ? static_cast<size_t>(*settings.layer) : top].size;
}

// What of the file's metadata goes into the picture: its profile only if pixels are in its space, and then
// always.
std::vector<MetadataChunk> written_metadata(const DecodedPicture& picture, bool strip) {
  std::vector<MetadataChunk> chunks = picture.metadata;
  std::erase_if(chunks, [&](const MetadataChunk& chunk) {
    return chunk.type == MetadataChunk::kIcc ? !picture.kinds.own_colours : strip;
  });
  return chunks;
}

// Error: a format that has no place for a profile, which pixels need.
Status check_profile(const ContainerHeader& header, const std::string& format) {
  if (!header.kinds.own_colours || (format != ".ppm" && format != ".pam")) return {};
  return Error{
      ErrorCode::kFailure,
      fmt::format("the picture's colours are those of its profile, for which {} has no place; choose PNG, "
                  "JPEG, WebP or TIFF",
                  format)};
}

// Whether samples of more than 8 bits are to be written.
bool wants_deep(const ContainerHeader& header, const std::string& format, std::optional<int> bits) {
  return bits ? *bits == 16 : header.kinds.deep && takes_16_bits(format);
}

// What the format's bits lose, unless 8 were asked for.
Notes depth_notes(const DecodedPicture& picture, const FileSamples& samples, const std::string& format,
                  std::optional<int> bits) {
  if (samples.deep && (format == ".avif" || format == ".heic")) {
    return {fmt::format("{} has 12 bits a sample: 16 are rounded to them", format)};
  }
  if (samples.deep || !picture.kinds.deep || bits) return {};
  return {fmt::format("{} has 8 bits a sample: the original has more", format)};
}

// The result of a run that lost something: an error that names what was lost and what was written; with
// --best, success.
Status damage_status(const Options& options, const DecodedPicture& picture) {
  if (picture.damage.empty()) return {};
  std::string lost = picture.damage.front();
  for (size_t i = 1; i < picture.damage.size(); ++i) lost += "; " + picture.damage[i];
  const Rect part = picture.part;
  const std::string wrote =
      options.region.empty()
          ? fmt::format("wrote layer {} ({}x{})", picture.layer, picture.size().width, picture.size().height)
          : fmt::format("wrote {},{},{},{} of layer {}", part.x, part.y, part.width, part.height,
                        picture.layer);
  if (options.best) {
    warn(fmt::format("{}: {}, the best that is whole: {}", options.input, wrote, lost), options.common);
    return {};
  }
  return Error{ErrorCode::kDamaged,
               fmt::format("{}: {}; {} instead: get a whole copy of the file for the rest, "
                           "or take this with --best",
                           options.input, lost, wrote)};
}

Status report(const Options& options, const Model& model, const DecodedPicture& picture, double seconds,
              const Notes& notes, const OutputFile& output) {
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", options.output},
                       {"model",
                        {{"name", model.name()},
                         {"id", to_string(model.id())},
                         {"decoder", to_string(model.decoder_id())}}},
                       {"layer", picture.layer},
                       {"width", picture.size().width},
                       {"height", picture.size().height},
                       {"seconds", seconds},
                       {"damage", picture.damage},
                       {"notes", notes}});
  }
  if (options.common.quiet) return {};
  return print_report(fmt::format("{} to {}: {}x{} from layer {}, {:.2f} s\n", plain_line(options.input),
                                  plain_line(options.output), picture.size().width, picture.size().height,
                                  picture.layer, seconds),
                      output);
}

// The picture, in bytes or, `deep`, in floats.
Result<DecodedPicture> decoded(const Options& options, const std::shared_ptr<const Model>& model,
                               const CodecOptions& codec, DecodeSettings settings, bool deep,
                               InputFile& input) {
  ProgressBar progress("decoding", options.common.quiet);
  settings.progress = progress.callback();
  settings.as_bytes = !deep;
  Result<DecodedPicture> picture = Decoder(model, codec).decode(input, settings);
  if (picture) return picture;
  return Error{picture.error().code, fmt::format("{}: {}", input.name(), picture.error().message)};
}

PictureView view_of(const DecodedPicture& picture) {
  PictureView view(picture.rgb.view());
  if (picture.rgb.samples.empty()) view.deep = &picture.image;
  view.grey = picture.kinds.grey;
  if (!picture.alpha.empty()) view.alpha = picture.alpha.view();
  return view;
}

// Instead of a picture, the MD5 of its pixels.
Status print_md5(const Options& options) {
  const Result<CodecOptions> codec = codec_options(options.common);
  if (!codec) return codec.error();
  const Result<DecodeSettings> settings = decode_settings(options);
  if (!settings) return settings.error();
  Result<InputFile> input = InputFile::open(options.input);
  if (!input) return input.error();
  const Result<ContainerHeader> header = peek_header(*input, *codec);
  if (!header) return header.error();
  const Result<std::shared_ptr<const Model>> model =
      load_model_for(header->decoder, options.common.model, input->name());
  if (!model) return model.error();
  const Result<DecodedPicture> picture = decoded(options, *model, *codec, *settings, false, *input);
  if (!picture) return picture.error();
  const std::string md5 = pixel_md5(view_of(*picture));
  const Size size = picture->size();
  const Status printed = options.common.json
                             ? print_json({{"input", options.input},
                                           {"md5", md5},
                                           {"layer", picture->layer},
                                           {"width", size.width},
                                           {"height", size.height},
                                           {"damage", picture->damage}})
                             : print_report(fmt::format("{}  {}x{}  {}\n", md5, size.width, size.height,
                                                        plain_line(options.input)));
  return printed ? damage_status(options, *picture) : printed;
}

Status decode(const Options& options) {
  if (options.md5) return print_md5(options);
  if (options.output.empty()) {
    return Error{ErrorCode::kUsage, "OUT is missing: name a picture to write, or ask for --md5"};
  }
  const Result<CodecOptions> codec = codec_options(options.common);
  if (!codec) return codec.error();
  const Result<DecodeSettings> settings = decode_settings(options);
  if (!settings) return settings.error();
  const Result<std::string> format = choose_format(options.output, options.format);
  if (!format) return format.error();
  if (options.bits && *options.bits != 8 && *options.bits != 16) {
    return Error{ErrorCode::kUsage, fmt::format("--bits: {} is not 8 or 16", *options.bits)};
  }
  if (const auto possible = file_samples(*format, {}, options.bits); !possible) return possible.error();
  Result<InputFile> input = InputFile::open(options.input);
  if (!input) return input.error();
  Result<OutputFile> output = OutputFile::create(options.output, {options.input, options.common.model});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  const Result<ContainerHeader> header = peek_header(*input, *codec);
  if (!header) return header.error();
  if (const Status fits = check_size(*format, wanted_size(*header, *settings)); !fits) return fits;
  if (const Status fits = check_profile(*header, *format); !fits) return fits;
  std::future<Status> ready = prepare_format(options.output, *format);
  const Result<std::shared_ptr<const Model>> model =
      load_model_for(header->decoder, options.common.model, input->name());
  if (!model) return model.error();
  if (const Status good = ready.get(); !good) return good;

  const auto start = Clock::now();
  const bool deep = wants_deep(*header, *format, options.bits);
  const Result<DecodedPicture> picture = decoded(options, *model, *codec, *settings, deep, *input);
  if (!picture) return picture.error();
  const double seconds = seconds_since(start);
  const std::vector<MetadataChunk> metadata = written_metadata(*picture, options.strip);
  const PictureView view = view_of(*picture);
  const Result<FileSamples> samples = file_samples(*format, view, options.bits);
  if (!samples) return samples.error();
  Result<Notes> notes = write_image(view, *samples, *format, *output, metadata);
  if (!notes) return notes.error();
  const Notes rounded = depth_notes(*picture, *samples, *format, options.bits);
  notes->insert(notes->end(), rounded.begin(), rounded.end());
  for (const std::string& note : *notes) warn(options.output + ": " + note, options.common);
  const Status reported = report(options, **model, *picture, seconds, *notes, *output);
  return reported ? damage_status(options, *picture) : reported;
}

}  // namespace

void add_decode(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("decode", "Get a picture out of a .cmps file, at any size.");
  command.add_option("IN", options->input, "The .cmps file, or -.")->required();
  CLI::Option* output =
      command.add_option("OUT", options->output, "Picture to write; its ending says the format. Or - (PPM).");
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
  command
      .add_option(
          "--bits", options->bits,
          "Bits of a sample, 8 or 16. Default: 16 if the original had more than 8 and the format has them.")
      ->option_text("N");
  CLI::Option* best =
      command
          .add_flag(
              "--best", options->best,
              "Take the largest layer that is whole, and be content with it: for files that were cut on "
              "purpose.")
          ->excludes(layer);
  command
      .add_flag("--md5", options->md5,
                "Write no picture, but print the MD5 of its pixels: with --exact the same on every machine.")
      ->excludes(output);
  command.add_flag("--strip", options->strip, "Leave out the file's Exif and XMP.");
  add_codec_flags(command, options->common);
  add_strict_flag(command, options->common,
                  "Refuse damaged or cut files instead of writing what is left of them.")
      ->excludes(best);
  add_output_flags(command, options->common);
  command.footer(
      "Examples:\n"
      "  compass decode photo.cmps photo.png\n"
      "  compass decode photo.cmps icon.png --size 64x64\n"
      "  compass decode photo.cmps eye.png --region 800,400,256,256\n"
      "  compass decode photo.cmps --exact --md5\n"
      "  curl -r 0-9999 https://example.org/a.cmps | compass decode - a.png --best");
  command.callback([options, &action] { action = [options] { return decode(*options); }; });
}

}  // namespace compass::tools
