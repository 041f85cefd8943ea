// compass info: the contents of a .cmps file's header.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>

#include "cmps_header.h"
#include "commands.h"
#include "common/command.h"
#include "common/input_file.h"
#include "common/layer_table.h"
#include "common/library.h"
#include "common/model_path.h"
#include "common/parse.h"
#include "common/plain_text.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string region;
  std::optional<int> layer;
  CommonFlags common;
};

std::string metadata_name(uint32_t type) {
  switch (type) {
    case COMPASS_ICC:
      return "ICC profile";
    case COMPASS_EXIF:
      return "Exif";
    case COMPASS_XMP:
      return "XMP";
    case COMPASS_IPTC:
      return "IPTC";
    default:
      return fmt::format("chunk of type {}", type);
  }
}

// What the picture is beside 8-bit sRGB: COMPASS_ALPHA and so on.
std::vector<std::string> kind_names(int kinds) {
  std::vector<std::string> names;
  if ((kinds & COMPASS_ALPHA) != 0) names.emplace_back("alpha");
  if ((kinds & COMPASS_GREY) != 0) names.emplace_back("grey");
  if ((kinds & COMPASS_DEEP) != 0) names.emplace_back("more than 8 bits");
  if ((kinds & COMPASS_OWN_COLOURS) != 0) names.emplace_back("colours of its profile");
  return names;
}

// What decoding the region reads; with an empty region, nothing.
struct Reading {
  Rect region;
  int layer = 0;
  std::vector<compass_range> ranges;
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const compass_range& range : ranges) sum += range.size;
    return sum;
  }
};

// The ranges of a region, and before them the header and the metadata.
Result<std::vector<compass_range>> ranges_of(const compass_decoder* decoder, const compass_info& header,
                                             const compass_decode_settings& settings, InputFile& file) {
  const compass_source source = file.source();
  compass_error error;
  compass_reader* made = nullptr;
  compass_status status = compass_reader_create(decoder, &source, &made, &error);
  const ReaderHandle reader(made);
  // A pipe can be read but once, so that they cannot be counted first. A layer has one for each row of
  // blocks.
  std::vector<compass_range> found(1 << 16);
  size_t count = 0;
  if (status == COMPASS_OK) {
    status = compass_reader_ranges(reader.get(), &settings, found.data(), found.size(), &count, &error);
  }
  if (status != COMPASS_OK) return file.error_of(status, error);
  if (count > found.size()) {
    return Error{ErrorCode::kFailure,
                 fmt::format("{}: the region takes {} ranges; ask for a smaller one", file.name(), count)};
  }
  found.resize(count);
  const uint64_t begin = header.layers[0].offset;
  if (!found.empty() && found.front().offset == begin) {
    found.front() = {0, begin + found.front().size};
  } else {
    found.insert(found.begin(), {0, begin});
  }
  return found;
}

// Which bytes depends on the model: how far its networks look beyond the region.
Result<Reading> reading_of(const Options& options, const compass_info& header, InputFile& file) {
  Reading reading;
  if (options.region.empty()) return reading;
  const Result<Rect> region = parse_rect(options.region);
  if (!region) return usage("--region", region.error().message);
  const Result<compass_options> codec = library_options(options.common);
  if (!codec) return codec.error();
  const auto model = open_model_for(header.decoder_id, options.common.model, file.name());
  if (!model) return model.error();
  const Result<DecoderHandle> decoder = new_decoder(model->get(), *codec);
  if (!decoder) return decoder.error();
  reading.region = *region;
  reading.layer = options.layer.value_or(header.layer_count - 1);
  if (reading.layer < 0) return usage("--layer", fmt::format("{} is below 0", reading.layer));
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.layer = reading.layer;
  set_region(*region, settings);
  auto ranges = ranges_of(decoder->get(), header, settings, file);
  if (!ranges) return ranges.error();
  reading.ranges = *std::move(ranges);
  return reading;
}

Json reading_json(const Reading& reading) {
  Json ranges = Json::array();
  for (const compass_range& range : reading.ranges) {
    ranges.push_back({{"offset", range.offset}, {"bytes", range.size}});
  }
  const Rect& r = reading.region;
  return {{"layer", reading.layer},
          {"region", {r.x, r.y, r.width, r.height}},
          {"bytes", reading.bytes()},
          {"ranges", ranges}};
}

std::string reading_text(const Reading& reading) {
  const Rect& r = reading.region;
  std::string text = fmt::format("Decoding {},{},{},{} of layer {} reads {} bytes:\n", r.x, r.y, r.width,
                                 r.height, reading.layer, grouped(reading.bytes()));
  for (const compass_range& range : reading.ranges) {
    text += fmt::format("  {}-{}\n", range.offset, range.offset + range.size - 1);
  }
  return text;
}

Status report(const Options& options, const compass_info& header, const InputFile& file,
              const Reading& reading) {
  const std::vector<LayerRow> rows = rows_of(header, /*quality=*/true);
  const std::span metadata(header.metadata, static_cast<size_t>(header.metadata_count));
  const std::string decoder = id_text(header.decoder_id);
  if (options.common.json) {
    Json layers = layer_json(rows);
    for (Json& layer : layers) layer["end"] = layer["total_bytes"];
    Json chunks = Json::array();
    for (const compass_metadata_info& chunk : metadata) {
      chunks.push_back({{"type", chunk.type}, {"name", metadata_name(chunk.type)}, {"bytes", chunk.size}});
    }
    Json all = {{"input", options.input},
                {"version", fmt::format("1.{}", header.minor_version)},
                {"bytes", file.bytes() > 0 ? Json(file.bytes()) : Json(nullptr)},
                {"header_bytes", header.header_bytes},
                {"decoder", decoder},
                {"kinds", kind_names(header.kinds)},
                {"layers", layers},
                {"metadata", chunks}};
    if (!options.region.empty()) all["reading"] = reading_json(reading);
    return print_json(all);
  }
  std::string text =
      fmt::format("{}: {} layer{}, {} bytes, decoder {}\n{}", plain_line(options.input), rows.size(),
                  rows.size() == 1 ? "" : "s", grouped(file_bytes(header)), decoder, layer_table(rows));
  if (const auto kinds = kind_names(header.kinds); !kinds.empty()) {
    text += fmt::format("{}\n", fmt::join(kinds, ", "));
  }
  for (const compass_metadata_info& chunk : metadata) {
    text += fmt::format("{}: {} bytes\n", metadata_name(chunk.type), grouped(chunk.size));
  }
  if (!options.region.empty()) text += reading_text(reading);
  return print_report(text);
}

Status info(const Options& options) {
  Result<InputFile> file = InputFile::open(options.input);
  if (!file) return file.error();
  const Result<compass_info> header = peek_header(*file);
  if (!header) return header.error();
  const Result<Reading> reading = reading_of(options, *header, *file);
  if (!reading) return reading.error();
  if (!options.common.quiet || options.common.json) {
    if (const Status printed = report(options, *header, *file, *reading); !printed) return printed;
  }
  if (file->bytes() == 0 || file->bytes() >= file_bytes(*header)) return {};
  const auto whole =
      std::count_if(header->layers, header->layers + header->layer_count,
                    [&](const compass_layer_info& layer) { return layer.end <= file->bytes(); });
  return Error{ErrorCode::kDamaged,
               fmt::format("{}: cut at byte {} of {}: {} of {} layers are whole; get the rest of the file",
                           options.input, file->bytes(), file_bytes(*header), whole, header->layer_count)};
}

}  // namespace

void add_info(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("info", "Show a file's layers, sizes, rates and model.");
  command.add_option("FILE", options->input, "The .cmps file, or -. Only its first bytes are read.")
      ->required();
  CLI::Option* region =
      command
          .add_option("--region", options->region,
                      "Also show which bytes decoding this part of a layer reads, such as to fetch them.")
          ->option_text("X,Y,W,H");
  command.add_option("--layer", options->layer, "The layer of --region. Default: the largest.")
      ->option_text("K")
      ->needs(region);
  command
      .add_option("--model", options->common.model, "Model of --region. Default: the file's, if it is found.")
      ->option_text("PATH")
      ->needs(region);
  add_output_flags(command, options->common);
  command.footer(
      "Columns: bytes of each layer, total bytes of the file up to its end, and those\n"
      "as bits per pixel of the layer.\n"
      "\n"
      "Examples:\n"
      "  compass info photo.cmps\n"
      "  compass info photo.cmps --region 800,400,256,256 --layer 2\n"
      "  compass info photo.cmps --json");
  command.callback([options, &action] { action = [options] { return info(*options); }; });
}

}  // namespace compass::tools
