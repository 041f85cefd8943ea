// The options that say how good a picture's layers and parts are to be: --quality, --roi, --quality-map,
// --tune.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "common/command.h"
#include "common/photo.h"
#include "compass/compass.h"
#include "core/plane.h"

namespace compass::tools {

// As the user wrote them.
struct QualityOptions {
  std::string quality = "50";        // one, or one for each layer
  std::vector<std::string> regions;  // "X,Y,W,H:+30"
  std::string map;                   // a picture file
  std::string tune = "psnr";
};

void add_quality_options(CLI::App& command, QualityOptions& options);

// The same, understood.
struct QualityWish {
  std::vector<double> qualities;  // one, or one for each layer
  std::vector<compass_quality_region> regions;
  std::string map;
  Plane mask;  // the map's picture
  compass_tune tune = COMPASS_TUNE_ERROR;
};

// Errors: kUsage, naming the option. What depends on the picture is not checked.
Result<QualityWish> parse_quality(const QualityOptions& options);

// Says so in the settings, which point to what `wish` holds, for layers of these sizes. Reads the map, if
// there is one. Errors: kUsage (not as many qualities as layers, a region outside of the picture), and
// read_image's.
Status apply_quality(QualityWish& wish, const ReadSettings& read, const std::vector<Size>& sizes,
                     compass_encode_settings& settings);

// A number if all layers are alike, else a list.
Json quality_json(const compass_info& info);
std::string quality_text(const compass_info& info);

}  // namespace compass::tools
