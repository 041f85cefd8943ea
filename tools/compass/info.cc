// compass info: the contents of a .cmps file's header.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>

#include "cmps_header.h"
#include "commands.h"
#include "common/command.h"
#include "common/input_file.h"
#include "common/layer_table.h"
#include "common/model_path.h"
#include "common/plain_text.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
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

Status report(const Options& options, const ContainerHeader& header, const InputFile& file) {
  const std::vector<LayerRow> rows = rows_of(header);
  if (options.common.json) {
    Json layers = layer_json(rows);
    for (Json& layer : layers) layer["end"] = layer["total_bytes"];
    Json metadata = Json::array();
    for (const MetadataEntry& entry : header.metadata) {
      metadata.push_back({{"type", entry.type}, {"name", metadata_name(entry.type)}, {"bytes", entry.bytes}});
    }
    return print_json({{"input", options.input},
                       {"version", fmt::format("1.{}", header.minor_version)},
                       {"bytes", file.bytes() > 0 ? Json(file.bytes()) : Json(nullptr)},
                       {"header_bytes", header.bytes},
                       {"model", {{"id", tag_text(header.model)}}},
                       {"kinds", kind_names(header.kinds)},
                       {"layers", layers},
                       {"metadata", metadata}});
  }
  std::string text =
      fmt::format("{}: {} layers, {} bytes, model {}\n{}", plain_line(options.input), rows.size(),
                  grouped(header.file_bytes()), tag_text(header.model), layer_table(rows));
  if (const auto kinds = kind_names(header.kinds); !kinds.empty()) {
    text += fmt::format("{}\n", fmt::join(kinds, ", "));
  }
  for (const MetadataEntry& entry : header.metadata) {
    text += fmt::format("{}: {} bytes\n", metadata_name(entry.type), grouped(entry.bytes));
  }
  return print_report(text);
}

Status info(const Options& options) {
  Result<InputFile> file = InputFile::open(options.input);
  if (!file) return file.error();
  const Result<ContainerHeader> header = peek_header(*file);
  if (!header) return header.error();
  if (!options.common.quiet || options.common.json) {
    if (const Status printed = report(options, *header, *file); !printed) return printed;
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
  add_output_flags(command, options->common);
  command.footer(
      "Columns: bytes of each layer, total bytes of the file up to its end, and those\n"
      "as bits per pixel of the layer.\n"
      "\n"
      "Examples:\n"
      "  compass info photo.cmps\n"
      "  compass info photo.cmps --json");
  command.callback([options, &action] { action = [options] { return info(*options); }; });
}

}  // namespace compass::tools
