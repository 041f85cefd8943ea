#include "site_options.h"

#include "common/model_path.h"
#include "serve/run_server.h"

namespace compass::tools {

Result<serve::SiteOptions> site_options(const CommonFlags& flags) {
  const Result<compass_options> codec = library_options(flags);
  if (!codec) return codec.error();
  if (!flags.model.empty()) {  // before a visitor finds out
    if (const auto model = open_model(flags.model); !model) return model.error();
  }
  auto models = page_models(flags.model);
  if (!models) return models.error();
  serve::SiteOptions options;
  options.web_folder = serve::installed_web_folder();
  options.models = *std::move(models);
  options.rendering.model = flags.model;
  options.rendering.codec = *codec;
  return options;
}

}  // namespace compass::tools
