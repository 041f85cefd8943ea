#include "quality_options.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "common/image_file.h"
#include "common/parse.h"

namespace compass::tools {
namespace {

// "X,Y,W,H:+30".
Result<compass_quality_region> parse_region(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos)
    return usage("--roi", fmt::format("{} is not X,Y,W,H:+30 or X,Y,W,H:-30", text));
  const Result<Rect> part = parse_rect(text.substr(0, colon));
  if (!part) return usage("--roi", part.error().message);
  std::string offset = text.substr(colon + 1);
  if (offset.starts_with('+')) offset.erase(0, 1);
  if (!check_whole_number(offset) || offset.size() > 4 ||
      std::abs(std::stoi(offset)) > COMPASS_MAX_QUALITY_OFFSET) {
    return usage("--roi", fmt::format("{} is not a quality offset, -100 to +100", text.substr(colon + 1)));
  }
  return compass_quality_region{part->x, part->y, part->width, part->height, std::stoi(offset)};
}

// One, if all layers are alike.
std::vector<double> qualities_of(const compass_info& info) {
  std::vector<double> qualities;
  for (int k = 0; k < info.layer_count; ++k) qualities.push_back(info.layers[k].quality);
  if (std::ranges::count(qualities, qualities.front()) == std::ssize(qualities)) qualities.resize(1);
  return qualities;
}

// The first colour of a picture, which is grey.
Result<Plane> read_mask(const std::string& path, const ReadSettings& read) {
  ReadSettings plain = read;
  plain.kinds = plain.profile = false;
  const Result<Photo> photo = read_image(path, plain);
  if (!photo) return photo.error();
  Plane mask(photo->image.size);
  for (size_t i = 0; i < mask.samples.size(); ++i) mask.samples[i] = photo->image.samples[3 * i];
  return mask;
}

}  // namespace

void add_quality_options(CLI::App& command, QualityOptions& options) {
  command
      .add_option(
          "-q,--quality", options.quality,
          "Quality, 0 (smallest file) to 100, or one for each layer: 40,60,90. Default: 50. On the "
          "Kodak pictures the shipped models give 27.6 dB and 0.12 bpp with 0, 31.1 and 0.32 with 25, "
          "34.7 and 0.71 with 50, 38.3 and 1.35 with 75, 41.2 and 2.24 with 100. Models with a single rate "
          "ignore it.")
      ->option_text("Q");
  command
      .add_option(
          "--roi", options.regions,
          "Make a part of the picture better or worse than the rest, by so many steps of quality: "
          "100,50,256,256:+30. Pixels of the full size; squares of 64x64 in each layer. May be repeated.")
      ->option_text("X,Y,W,H:+N")
      ->allow_extra_args(false);
  command
      .add_option(
          "--quality-map", options.map,
          "The same by a grey picture of any size, laid over the whole: black is 100 steps worse, mid-grey "
          "no change, white 100 steps better.")
      ->option_text("FILE");
  command
      .add_option("--tune", options.tune,
                  "What bits are spent for: psnr, the least squared error, or visual, what is seen: calm "
                  "parts are coded "
                  "better and busy ones worse. Default: psnr.")
      ->option_text("WHAT");
}

Result<QualityWish> parse_quality(const QualityOptions& options) {
  QualityWish wish;
  const Result<std::vector<double>> qualities = parse_numbers(options.quality);
  if (!qualities) return usage("--quality", qualities.error().message);
  for (const double quality : *qualities) {
    if (!(quality >= 0.0 && quality <= 100.0))
      return usage("--quality", fmt::format("{} is not 0 to 100", quality));
  }
  wish.qualities = *qualities;
  for (const std::string& text : options.regions) {
    const Result<compass_quality_region> region = parse_region(text);
    if (!region) return region.error();
    wish.regions.push_back(*region);
  }
  if (!wish.regions.empty() && !options.map.empty()) {
    return usage("--quality-map", "does not go together with --roi: draw the regions into the map");
  }
  wish.map = options.map;
  if (options.tune == "visual") wish.tune = COMPASS_TUNE_VISUAL;
  if (options.tune != "visual" && options.tune != "psnr") {
    return usage("--tune", fmt::format("{} is neither psnr nor visual", options.tune));
  }
  return wish;
}

Status apply_quality(QualityWish& wish, const ReadSettings& read, const std::vector<Size>& sizes,
                     compass_encode_settings& settings) {
  if (wish.qualities.size() == 1) {
    settings.quality = wish.qualities.front();
  } else if (wish.qualities.size() == sizes.size()) {
    settings.qualities = wish.qualities.data();
    settings.quality_count = wish.qualities.size();
  } else {
    return usage("--quality", fmt::format("{} numbers for {} layers: give one, or one for each layer",
                                          wish.qualities.size(), sizes.size()));
  }
  settings.tune = wish.tune;
  const Size full = sizes.back();
  for (const compass_quality_region& part : wish.regions) {
    if (part.x > full.width - part.width || part.y > full.height - part.height) {
      return usage("--roi", fmt::format("{},{},{},{} does not lie inside the picture, {}x{}", part.x, part.y,
                                        part.width, part.height, full.width, full.height));
    }
  }
  if (!wish.regions.empty()) settings.regions = wish.regions.data();
  settings.region_count = wish.regions.size();
  if (wish.map.empty()) return {};
  Result<Plane> mask = read_mask(wish.map, read);
  if (!mask) return mask.error();
  wish.mask = *std::move(mask);
  settings.quality_map = wish.mask.samples.data();
  settings.quality_map_size = {wish.mask.size.width, wish.mask.size.height};
  settings.quality_map_stride = static_cast<size_t>(wish.mask.size.width);
  return {};
}

Json quality_json(const compass_info& info) {
  const std::vector<double> qualities = qualities_of(info);
  return qualities.size() == 1 ? Json(qualities.front()) : Json(qualities);
}

std::string quality_text(const compass_info& info) {
  return fmt::format("{:g}", fmt::join(qualities_of(info), ","));
}

}  // namespace compass::tools
