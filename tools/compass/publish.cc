// compass publish: a folder of pictures becomes one that any web server can serve.
#include <fmt/format.h>

#include <memory>

#include "codec/encoder.h"
#include "commands.h"
#include "common/model_path.h"
#include "publisher.h"
#include "serve/run_server.h"

namespace compass::tools {
namespace {

constexpr int kMostLayers = static_cast<int>(kMaxLayerCount);

Status check(const PublishOptions& options) {
  if (!(options.quality >= 0.0 && options.quality <= 100.0))
    return usage("--quality", fmt::format("{} is not 0 to 100", options.quality));
  if (options.layers && (*options.layers < 1 || *options.layers > kMostLayers))
    return usage("--layers", fmt::format("{} is not 1 to {}", *options.layers, kMostLayers));
  if (options.effort && (*options.effort < 0 || *options.effort > kMaxEffort))
    return usage("--effort", fmt::format("{} is not 0 to {}", *options.effort, kMaxEffort));
  return {};
}

Status publish(const PublishOptions& options) {
  if (const Status good = check(options); !good) return good;
  const Result<compass_options> codec = library_options(options.common);
  if (!codec) return codec.error();
  const auto files = files_to_publish(options.folder, options.output);
  if (!files) return files.error();
  if (files->empty())
    return Error{ErrorCode::kUsage, options.folder + ": there are no pictures in this folder"};
  if (serve::installed_web_folder().empty()) {
    return Error{ErrorCode::kFailure, "what shows .cmps files on pages is not installed: see docs/web.md"};
  }
  const auto models = page_models(options.common.model);
  if (!models) return models.error();
  const Result<ModelHandle> model = open_model(models->front());
  if (!model) return model.error();
  Result<EncoderHandle> encoder = new_encoder(model->get(), *codec);
  if (!encoder) return encoder.error();
  Publisher publisher(options, *models, model->get(), *codec, *std::move(encoder));
  if (const Status done = publisher.publish(*files); !done) return done;
  if (const Status done = publisher.write_pages(); !done) return done;
  return publisher.report();
}

}  // namespace

void add_publish(CLI::App& app, Action& action) {
  auto options = std::make_shared<PublishOptions>();
  CLI::App& command = *app.add_subcommand(
      "publish", "Make a folder of pictures one that any web server can serve, with a page.");
  command.add_option("DIR", options->folder, "Folder of pictures and .cmps files.")->required();
  command.add_option("OUT", options->output, "Folder to make, or to bring up to date.")->required();
  command.add_option("-q,--quality", options->quality, "Quality, 0 to 100. Default: 50.")->option_text("Q");
  command
      .add_option("--layers", options->layers,
                  "Layers of each picture, each half as large as the next. Default: down to thumbnails.")
      ->option_text("N");
  command.add_option("--effort", options->effort, "As for encode.")->option_text("N");
  command.add_flag("--keep-metadata", options->keep_metadata,
                   "Keep Exif, where the picture was taken among it, and XMP. Default: without them.");
  command.add_option("--title", options->title, "Of the page. Default: the folder's name.")
      ->option_text("TEXT");
  add_codec_flags(command, options->common, "Model to encode pictures with. Default: swift.");
  add_strict_flag(command, options->common,
                  "Refuse pictures that would lose pages, channels or depth beyond 16 bits.");
  add_output_flags(command, options->common);
  command.footer(
      "Examples:\n"
      "  compass publish photos site\n"
      "  compass publish photos site -q 60 --title 'A summer'");
  command.callback([options, &action] { action = [options] { return publish(*options); }; });
}

}  // namespace compass::tools
