// compass decode: a .cmps file in, a picture of any of its sizes out.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <future>
#include <memory>
#include <optional>

#include "cmps_header.h"
#include "commands.h"
#include "common/command.h"
#include "common/image_file.h"
#include "common/input_file.h"
#include "common/library.h"
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

Result<compass_decode_settings> decode_settings(const Options& options) {
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.strict = options.common.strict ? 1 : 0;
  if (options.layer) {
    if (*options.layer < 0) return usage("--layer", fmt::format("{} is below 0", *options.layer));
    settings.layer = *options.layer;
  }
  if (!options.size.empty()) {
    const Result<Size> size = parse_size(options.size);
    if (!size) return usage("--size", size.error().message);
    settings.size = {size->width, size->height};
  }
  if (!options.region.empty()) {
    const Result<Rect> region = parse_rect(options.region);
    if (!region) return usage("--region", region.error().message);
    set_region(*region, settings);
  }
  return settings;
}

// The size of the picture that is asked for, if the file is whole.
Size wanted_size(const compass_info& header, const compass_decode_settings& settings) {
  if (settings.size.width > 0) return {settings.size.width, settings.size.height};
  if (settings.region_width > 0) return {settings.region_width, settings.region_height};
  const bool known = settings.layer >= 0 && settings.layer < header.layer_count;
  const compass_layer_info& layer = known ? header.layers[settings.layer] : top_layer(header);
  return {layer.width, layer.height};
}

bool has_own_colours(const compass_info& header) {
  return (header.kinds & COMPASS_OWN_COLOURS) != 0;
}

// What of the file's metadata goes into the picture: its profile only if pixels are in its space, and then
// always. What is damaged does not; decoding says so.
Result<std::vector<MetadataChunk>> written_metadata(const compass_info& header, bool strip,
                                                    InputFile& input) {
  std::vector<MetadataChunk> chunks;
  for (int i = 0; i < header.metadata_count; ++i) {
    const uint32_t type = header.metadata[i].type;
    if (type == COMPASS_ICC ? !has_own_colours(header) : strip) continue;
    const auto bytes = input.peek(header.layers[0].offset);
    if (!bytes) return bytes.error();
    OwnedBytes chunk;
    compass_error error;
    const compass_status status =
        compass_read_metadata(bytes->data(), bytes->size(), type, chunk.out(), &error);
    if (status == COMPASS_OK) chunks.push_back({type, {chunk->data, chunk->data + chunk->size}});
    if (status != COMPASS_OK && status != COMPASS_DAMAGED) return input.error_of(status, error);
  }
  return chunks;
}

// Error: a format that has no place for a profile, which pixels need.
Status check_profile(const compass_info& header, const std::string& format) {
  if (!has_own_colours(header) || (format != ".ppm" && format != ".pam")) return {};
  return Error{
      ErrorCode::kFailure,
      fmt::format("the picture's colours are those of its profile, for which {} has no place; choose PNG, "
                  "JPEG, WebP or TIFF",
                  format)};
}

// A picture, and what of it was lost, a line each.
struct Decoded {
  OwnedPicture picture;
  std::vector<std::string> damage;
  Size size() const { return {picture->width, picture->height}; }
};

// Whether samples of more than 8 bits are to be written.
bool wants_deep(const compass_info& header, const std::string& format, std::optional<int> bits) {
  return bits ? *bits == 16 : (header.kinds & COMPASS_DEEP) != 0 && takes_16_bits(format);
}

// What the format's bits lose, unless 8 were asked for.
Notes depth_notes(const compass_info& header, const FileSamples& samples, const std::string& format,
                  std::optional<int> bits) {
  if (samples.deep && (format == ".avif" || format == ".heic")) {
    return {fmt::format("{} has 12 bits a sample: 16 are rounded to them", format)};
  }
  if (samples.deep || (header.kinds & COMPASS_DEEP) == 0 || bits) return {};
  return {fmt::format("{} has 8 bits a sample: the original has more", format)};
}

// The result of a run that lost something: an error that names what was lost and what was written; with
// --best, success.
Status damage_status(const Options& options, const Decoded& decoded) {
  if (decoded.damage.empty()) return {};
  const std::string lost = fmt::format("{}", fmt::join(decoded.damage, "; "));
  const compass_picture& picture = *decoded.picture;
  const std::string wrote =
      options.region.empty()
          ? fmt::format("wrote layer {} ({}x{})", picture.layer, picture.width, picture.height)
          : fmt::format("wrote {},{},{},{} of layer {}", picture.x, picture.y, picture.width, picture.height,
                        picture.layer);
  if (options.best) {
    warn(fmt::format("{}: {}, the best that is whole: {}", options.input, wrote, lost), options.common);
    return {};
  }
  return Error{ErrorCode::kDamaged,
               fmt::format("{}: {}; {} instead: get a whole copy of the file for the rest, "
                           "or take this with --best{}",
                           options.input, lost, wrote, options.layer ? " in --layer's place" : "")};
}

Status report(const Options& options, const compass_model* model, const Decoded& decoded, double seconds,
              const Notes& notes, const OutputFile& output) {
  const compass_picture& picture = *decoded.picture;
  if (options.common.json) {
    return print_json({{"input", options.input},
                       {"output", options.output},
                       {"model", model_json(model)},
                       {"layer", picture.layer},
                       {"width", picture.width},
                       {"height", picture.height},
                       {"seconds", seconds},
                       {"damage", decoded.damage},
                       {"notes", notes}});
  }
  if (options.common.quiet) return {};
  return print_report(
      fmt::format("{} to {}: {}x{} from layer {}, {:.2f} s\n", plain_line(options.input),
                  plain_line(options.output), picture.width, picture.height, picture.layer, seconds),
      output);
}

// The picture, in 8 or 16 bits.
Result<Decoded> decoded(const Options& options, const compass_model* model, const compass_options& codec,
                        compass_decode_settings settings, bool deep, InputFile& input) {
  ProgressBar progress("decoding", options.common.quiet);
  progress.follow(settings);
  settings.bits = deep ? 16 : 8;
  const Result<DecoderHandle> decoder = new_decoder(model, codec);
  if (!decoder) return decoder.error();
  const compass_source source = input.source();
  Decoded decoded;
  compass_error error;
  const compass_status status =
      compass_decode_source(decoder->get(), &source, &settings, decoded.picture.out(), &error);
  if (status != COMPASS_OK && decoded.picture->width == 0) return input.error_of(status, error);
  for (size_t i = 0; const char* line = compass_decoder_damage(decoder->get(), i); ++i) {
    decoded.damage.emplace_back(line);
  }
  return decoded;
}

// Instead of a picture, the MD5 of its pixels.
Status print_md5(const Options& options) {
  const Result<compass_options> codec = library_options(options.common);
  if (!codec) return codec.error();
  const Result<compass_decode_settings> settings = decode_settings(options);
  if (!settings) return settings.error();
  Result<InputFile> input = InputFile::open(options.input);
  if (!input) return input.error();
  const Result<compass_info> header = peek_header(*input);
  if (!header) return header.error();
  const auto model =
      open_model_for(header->decoder_id, options.common.model, input->name(), ModelUse::kDecoding);
  if (!model) return model.error();
  const Result<Decoded> picture = decoded(options, model->get(), *codec, *settings, false, *input);
  if (!picture) return picture.error();
  const std::string md5 = pixel_md5(view_of(*picture->picture));
  const Size size = picture->size();
  const Status printed = options.common.json
                             ? print_json({{"input", options.input},
                                           {"md5", md5},
                                           {"layer", picture->picture->layer},
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
  const Result<compass_options> codec = library_options(options.common);
  if (!codec) return codec.error();
  const Result<compass_decode_settings> settings = decode_settings(options);
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
  const Result<compass_info> header = peek_header(*input);
  if (!header) return header.error();
  if (const Status fits = check_size(*format, wanted_size(*header, *settings)); !fits) return fits;
  if (const Status fits = check_profile(*header, *format); !fits) return fits;
  std::future<Status> ready = prepare_format(options.output, *format);
  const auto model =
      open_model_for(header->decoder_id, options.common.model, input->name(), ModelUse::kDecoding);
  if (!model) return model.error();
  if (const Status good = ready.get(); !good) return good;

  const auto start = Clock::now();
  const bool deep = wants_deep(*header, *format, options.bits);
  const auto metadata = written_metadata(*header, options.strip, *input);
  if (!metadata) return metadata.error();
  const Result<Decoded> picture = decoded(options, model->get(), *codec, *settings, deep, *input);
  if (!picture) return picture.error();
  const double seconds = seconds_since(start);
  const PictureView view = view_of(*picture->picture);
  const Result<FileSamples> samples = file_samples(*format, view, options.bits);
  if (!samples) return samples.error();
  Result<Notes> notes = write_image(view, *samples, *format, *output, *metadata);
  if (!notes) return notes.error();
  const Notes rounded = depth_notes(*header, *samples, *format, options.bits);
  notes->insert(notes->end(), rounded.begin(), rounded.end());
  for (const std::string& note : *notes) warn(options.output + ": " + note, options.common);
  const Status reported = report(options, model->get(), *picture, seconds, *notes, *output);
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
  add_codec_flags(command, options->common, kModelOfFile);
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
