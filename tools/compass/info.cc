// compass info: the contents of a .cmps file's header.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "cmps_header.h"
#include "codec/decoder.h"
#include "commands.h"
#include "common/command.h"
#include "common/input_file.h"
#include "common/layer_table.h"
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
    case MetadataChunk::kIcc:
      return "ICC profile";
    case MetadataChunk::kExif:
      return "Exif";
    case MetadataChunk::kXmp:
      return "XMP";
    case MetadataChunk::kIptc:
      return "IPTC";
    default:
      return fmt::format("chunk of type {}", type);
  }
}

// What the picture is beside 8-bit sRGB.
std::vector<std::string> kind_names(const PictureKinds& kinds) {
  std::vector<std::string> names;
  if (kinds.alpha) names.emplace_back("alpha");
  if (kinds.grey) names.emplace_back("grey");
  if (kinds.deep) names.emplace_back("more than 8 bits");
  if (kinds.own_colours) names.emplace_back("colours of its profile");
  return names;
}

// The file's layers in its table's words.
std::vector<LayerRow> rows_of(const ContainerHeader& header) {
  std::vector<LayerRow> rows;
  for (const LayerEntry& layer : header.layers) {
    rows.push_back({.size = layer.size,
                    .bytes = layer.bytes + layer.alpha.bytes,
                    .total_bytes = layer.end(),
                    .quality = static_cast<double>(layer.quality) / 10.0});
  }
  return rows;
}

// What decoding the region reads; with an empty region, nothing.
struct Reading {
  Rect region;
  int layer = 0;
  std::vector<ByteRange> ranges;
  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const ByteRange& range : ranges) sum += range.bytes;
    return sum;
  }
};

// Which bytes depends on the model: how far its networks look beyond the region.
Result<Reading> reading_of(const Options& options, const ContainerHeader& header, InputFile& file) {
  Reading reading;
  if (options.region.empty()) return reading;
  const Result<Rect> region = parse_rect(options.region);
  if (!region) return Error{ErrorCode::kUsage, "--region: " + region.error().message};
  const Result<CodecOptions> codec = codec_options(options.common);
  if (!codec) return codec.error();
  const auto model = load_model_for(header.decoder, options.common.model, file.name());
  if (!model) return model.error();
  reading.region = *region;
  reading.layer = options.layer.value_or(static_cast<int>(header.layers.size()) - 1);
  auto ranges = Decoder(*model, *codec).byte_ranges(file, {.layer = reading.layer, .region = *region});
  if (!ranges) {
    return Error{ranges.error().code, fmt::format("{}: {}", file.name(), ranges.error().message)};
  }
  reading.ranges = *std::move(ranges);
  return reading;
}

Json reading_json(const Reading& reading) {
  Json ranges = Json::array();
  for (const ByteRange& range : reading.ranges) {
    ranges.push_back({{"offset", range.offset}, {"bytes", range.bytes}});
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
  for (const ByteRange& range : reading.ranges) {
    text += fmt::format("  {}-{}\n", range.offset, range.end() - 1);
  }
  return text;
}

Status report(const Options& options, const ContainerHeader& header, const InputFile& file,
              const Reading& reading) {
  const std::vector<LayerRow> rows = rows_of(header);
  if (options.common.json) {
    Json layers = layer_json(rows);
    for (Json& layer : layers) layer["end"] = layer["total_bytes"];
    Json metadata = Json::array();
    for (const MetadataEntry& entry : header.metadata) {
      metadata.push_back({{"type", entry.type}, {"name", metadata_name(entry.type)}, {"bytes", entry.bytes}});
    }
    Json all = {{"input", options.input},
                {"version", fmt::format("1.{}", header.minor_version)},
                {"bytes", file.bytes() > 0 ? Json(file.bytes()) : Json(nullptr)},
                {"header_bytes", header.bytes},
                {"decoder", to_string(header.decoder)},
                {"kinds", kind_names(header.kinds)},
                {"layers", layers},
                {"metadata", metadata}};
    if (!options.region.empty()) all["reading"] = reading_json(reading);
    return print_json(all);
  }
  std::string text =
      fmt::format("{}: {} layers, {} bytes, decoder {}\n{}", plain_line(options.input), rows.size(),
                  grouped(header.file_bytes()), to_string(header.decoder), layer_table(rows));
  if (const auto kinds = kind_names(header.kinds); !kinds.empty()) {
    text += fmt::format("{}\n", fmt::join(kinds, ", "));
  }
  for (const MetadataEntry& entry : header.metadata) {
    text += fmt::format("{}: {} bytes\n", metadata_name(entry.type), grouped(entry.bytes));
  }
  if (!options.region.empty()) text += reading_text(reading);
  return print_report(text);
}

Status info(const Options& options) {
  Result<InputFile> file = InputFile::open(options.input);
  if (!file) return file.error();
  const Result<ContainerHeader> header = peek_header(*file);
  if (!header) return header.error();
  const Result<Reading> reading = reading_of(options, *header, *file);
  if (!reading) return reading.error();
  if (!options.common.quiet || options.common.json) {
    if (const Status printed = report(options, *header, *file, *reading); !printed) return printed;
  }
  if (file->bytes() > 0 && file->bytes() < header->file_bytes()) {
    return Error{ErrorCode::kDamaged,
                 fmt::format("{}: cut at byte {} of {}: {} of {} layers are whole; get the rest of the file",
                             options.input, file->bytes(), header->file_bytes(),
                             whole_layers(*header, file->bytes()), header->layers.size())};
  }
  return {};
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
