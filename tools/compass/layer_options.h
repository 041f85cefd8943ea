// The options that say which layers a picture is coded in: --layers, --scales, --sizes.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "common/command.h"
#include "core/size.h"
#include "target_options.h"

namespace compass::tools {

// As the user wrote them.
struct LayerOptions {
  std::optional<int> layers;
  std::string scales;
  std::string sizes;

  // The one that was given; nullptr if none was.
  const char* given() const;
};

void add_layer_options(CLI::App& command, LayerOptions& options);

// The same, understood: sizes, or scales of a picture that has not been read yet.
struct LayerWish {
  std::vector<Size> sizes;
  std::vector<double> scales;
  const char* option = "--sizes";  // which named the sizes
};

// Targets may name the sizes. Errors: kUsage, naming the option.
Result<LayerWish> parse_layers(const LayerOptions& options, const TargetWish& targets);

// Their sizes, lowest first, for a picture of size `full`. Errors: kUsage (the last is another).
Result<std::vector<Size>> layer_sizes(const LayerWish& layers, Size full);

}  // namespace compass::tools
