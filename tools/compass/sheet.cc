// compass sheet: every layer of a file on one picture, with what each costs.
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
#include "contact_sheet.h"
#include "core/clock.h"
#include "image/psnr.h"
#include "image/resize.h"

namespace compass::tools {
namespace {

struct Options {
  std::string input;
  std::string output;
  std::string original;
  CommonFlags common;
};

std::string base_name(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

SheetEntry entry_of(const LayerRow& row, Image image) {
  const std::string quality = row.psnr ? fmt::format(", {:.1f} dB", *row.psnr) : "";
  return {
      std::move(image),
      fmt::format("{} × {}", row.size.width, row.size.height),
      {fmt::format("{} bytes", grouped(row.total_bytes)), fmt::format("{:.2f} bpp{}", row.bpp(), quality)}};
}

// What is shown of it. Sheets are opaque.
Image over_white(const compass_picture& picture) {
  Rgb8Image shown({picture.width, picture.height});
  const PictureView view = view_of(picture);
  for (int y = 0; y < picture.height; ++y) fill_row(view, {}, 0, y, picture.width, shown.row(y));
  return from_rgb8(shown.view());
}

// Decodes layer k from the file's start, as a viewer that shows only this layer would, into `row` and
// `entries`.
Status add_layer(const std::vector<uint8_t>& file, int k, compass_decoder* decoder, const Photo* original,
                 LayerRow& row, std::vector<SheetEntry>& entries) {
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.layer = k;
  settings.strict = 1;
  const auto start = Clock::now();
  OwnedPicture picture;
  compass_error error;
  const compass_status status =
      compass_decode(decoder, file.data(), file.size(), &settings, picture.out(), &error);
  if (status != COMPASS_OK) return error_of(status, error);
  row.seconds = seconds_since(start);
  Image image = over_white(*picture);
  if (original != nullptr) row.psnr = psnr(image, resize(from_rgb8(original->image.view()), row.size));
  entries.push_back(entry_of(row, std::move(image)));
  return {};
}

Status sheet(const Options& options) {
  const Result<compass_options> codec = library_options(options.common);
  if (!codec) return codec.error();
  const Result<std::string> format = choose_format(options.output, "");
  if (!format) return format.error();
  Result<InputFile> input = InputFile::open(options.input);
  if (!input) return input.error();
  Result<OutputFile> output =
      OutputFile::create(options.output, {options.input, options.original, options.common.model});
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  const Result<compass_info> header = peek_header(*input);
  if (!header) return header.error();
  std::future<Status> ready = prepare_format(options.output, *format);
  const auto model =
      open_model_for(header->decoder_id, options.common.model, input->name(), ModelUse::kDecoding);
  if (!model) return model.error();
  if (const Status good = ready.get(); !good) return good;
  const Result<std::vector<uint8_t>> file = input->read_up_to(file_bytes(*header));
  if (!file) return file.error();
  std::optional<Photo> original;
  if (!options.original.empty()) {
    Result<Photo> photo =
        read_image(options.original, {.max_pixels = codec->max_pixels, .max_memory = codec->max_memory});
    if (!photo) return photo.error();
    const compass_layer_info& top = top_layer(*header);
    if (photo->image.size != Size{top.width, top.height}) {
      return Error{
          ErrorCode::kUsage,
          fmt::format("--original: {} is {}x{}, but the file's largest layer is {}x{}", options.original,
                      photo->image.size.width, photo->image.size.height, top.width, top.height)};
    }
    original = *std::move(photo);
  }

  const Result<DecoderHandle> decoder = new_decoder(model->get(), *codec);
  if (!decoder) return decoder.error();
  std::vector<LayerRow> rows = rows_of(*header, /*quality=*/false);
  std::vector<SheetEntry> entries;
  for (int k = 0; k < header->layer_count; ++k) {
    const Status added =
        add_layer(*file, k, decoder->get(), original ? &*original : nullptr, rows[k], entries);
    if (!added) return Error{added.error().code, fmt::format("{}: {}", input->name(), added.error().message)};
  }
  const Result<Image> picture = contact_sheet(
      "One file, every size",
      fmt::format("{}, {} bytes", plain_line(base_name(input->name())), grouped(file_bytes(*header))),
      entries);
  if (!picture) return picture.error();
  if (const auto written = write_image(*picture, *format, *output); !written) return written.error();
  if (options.common.json) {
    return print_json({{"input", options.input}, {"output", options.output}, {"layers", layer_json(rows)}});
  }
  return options.common.quiet ? Status{} : print_report(layer_table(rows), *output);
}

}  // namespace

void add_sheet(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("sheet", "Draw all layers of a file side by side, with what each costs.");
  command.add_option("IN", options->input, "The .cmps file, or -.")->required();
  command.add_option("OUT", options->output, "Picture to write.")->required();
  command.add_option("--original", options->original, "The photo that was encoded: adds PSNR.")
      ->option_text("PHOTO");
  add_codec_flags(command, options->common, kModelOfFile);
  add_output_flags(command, options->common);
  command.footer(
      "Examples:\n"
      "  compass sheet photo.cmps sheet.png --original photo.jpg");
  command.callback([options, &action] { action = [options] { return sheet(*options); }; });
}

}  // namespace compass::tools
