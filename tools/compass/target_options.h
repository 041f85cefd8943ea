// The options that say how large, or how good, a file's layers are to be: --target-size, --target-bpp,
// --target-psnr.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/command.h"
#include "compass/compass.h"
#include "core/size.h"

namespace compass::tools {

// As the user wrote them.
struct TargetOptions {
  std::string size;
  std::string bpp;
  std::string psnr;
};

void add_target_options(CLI::App& command, TargetOptions& options);

// The same, understood.
struct TargetWish {
  std::vector<compass_target> targets;  // none, one, or one for each of
  std::vector<Size> sizes;              // these; empty if the sizes were not said
};

// Errors: kUsage, naming the option.
Result<TargetWish> parse_targets(const TargetOptions& options);

}  // namespace compass::tools
