// The options that say how good a picture's layers and parts are to be: --quality, --roi, --quality-map,
// --tune.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "codec/encoder.h"
#include "codec/quality_regions.h"
#include "common/command.h"
#include "common/photo.h"

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
  std::vector<QualityRegion> regions;
  std::string map;
  Tune tune = Tune::kError;
};

// Errors: kUsage, naming the option. What depends on the picture is not checked.
Result<QualityWish> parse_quality(const QualityOptions& options);

// Fills in qualities and maps for settings.sizes. Reads the mask, if there is one. Errors: kUsage (not as
// many qualities as layers, a region outside of the picture), and read_image's.
Status apply_quality(const QualityWish& wish, const ReadSettings& read, EncodeSettings& settings);

// A number if all layers are alike, else a list.
Json quality_json(const EncodedPicture& encoded);
std::string quality_text(const EncodedPicture& encoded);

}  // namespace compass::tools
