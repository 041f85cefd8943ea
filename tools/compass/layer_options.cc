#include "layer_options.h"

#include <fmt/format.h>

#include <cmath>

#include "common/library.h"
#include "common/parse.h"

namespace compass::tools {
namespace {

constexpr int kDefaultLayers = 3;

Result<std::vector<Size>> scaled_sizes(Size full, const std::vector<double>& scales) {
  std::vector<compass_size> found(scales.size());
  compass_error error;
  const compass_status status = compass_sizes_from_scales({full.width, full.height}, scales.data(),
                                                          scales.size(), found.data(), &error);
  if (status != COMPASS_OK) return error_of(status, error);
  std::vector<Size> sizes;
  for (const compass_size& size : found) sizes.push_back({size.width, size.height});
  return sizes;
}

}  // namespace

const char* LayerOptions::given() const {
  if (layers) return "--layers";
  if (!scales.empty()) return "--scales";
  return sizes.empty() ? nullptr : "--sizes";
}

void add_layer_options(CLI::App& command, LayerOptions& options) {
  CLI::Option* layers =
      command.add_option("--layers", options.layers, "Layers, each half as large as the next. Default: 3.")
          ->option_text("N");
  CLI::Option* scales = command
                            .add_option("--scales", options.scales,
                                        "Layers as parts of the full size, lowest first, any reals up to 1: "
                                        "0.25,0.5,1 or 1/3,1.")
                            ->option_text("LIST")
                            ->excludes(layers);
  command
      .add_option("--sizes", options.sizes,
                  "Layers as exact sizes, lowest first, none smaller than the one before on either axis: "
                  "192x128,384x256,768x512.")
      ->option_text("LIST")
      ->excludes(layers)
      ->excludes(scales);
}

Result<LayerWish> parse_layers(const LayerOptions& options, const TargetWish& targets) {
  LayerWish layers;
  if (!targets.sizes.empty()) {
    layers.sizes = targets.sizes;
    layers.option = "SIZE@VALUE";
  } else if (!options.sizes.empty()) {
    const Result<std::vector<Size>> sizes = parse_sizes(options.sizes);
    if (!sizes) return usage("--sizes", sizes.error().message);
    layers.sizes = *sizes;
  } else if (!options.scales.empty()) {
    const Result<std::vector<double>> scales = parse_scales(options.scales);
    if (!scales) return usage("--scales", scales.error().message);
    if (const auto good = scaled_sizes({1, 1}, *scales); !good)
      return usage("--scales", good.error().message);
    layers.scales = *scales;
  } else {
    const int count = options.layers.value_or(kDefaultLayers);
    if (count < 1 || count > COMPASS_MAX_LAYERS)
      return usage("--layers", fmt::format("{} is not 1 to {}", count, COMPASS_MAX_LAYERS));
    for (int k = count - 1; k >= 0; --k) layers.scales.push_back(std::ldexp(1.0, -k));
  }
  return layers;
}

Result<std::vector<Size>> layer_sizes(const LayerWish& layers, Size full) {
  if (layers.sizes.empty()) return scaled_sizes(full, layers.scales);
  if (layers.sizes.back() == full) return layers.sizes;
  return usage(layers.option,
               fmt::format("the last must be the picture's own size, {}x{}", full.width, full.height));
}

}  // namespace compass::tools
