#include "serve/iiif.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>

namespace compass::tools::serve {
namespace {

constexpr int kTile = 512;

Error wrong(std::string_view what, std::string_view text) {
  return {ErrorCode::kUsage, fmt::format("'{}' is no {} of the IIIF Image API 3.0", text, what)};
}

Error not_offered(std::string_view what) {
  return {ErrorCode::kFailure, fmt::format("{} is not offered here", what)};
}

// Digits and, if `fractions`, a point; a whole number fits an int.
std::optional<double> number(std::string_view text, bool fractions) {
  constexpr size_t kLongest = 9;
  if (text.empty() || text.size() > kLongest) return std::nullopt;
  for (const char c : text) {
    if ((c < '0' || c > '9') && !(fractions && c == '.')) return std::nullopt;
  }
  double value = 0.0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// `count` numbers between commas.
template <size_t kCount>
std::optional<std::array<double, kCount>> numbers(std::string_view text, bool fractions) {
  std::array<double, kCount> values{};
  for (size_t i = 0; i < kCount; ++i) {
    const size_t comma = text.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == kCount)) return std::nullopt;
    const auto value = number(text.substr(0, comma), fractions);
    if (!value) return std::nullopt;
    values[i] = *value;
    if (comma != std::string_view::npos) text.remove_prefix(comma + 1);
  }
  return values;
}

Result<Rect> parse_region(std::string_view text, Size full) {
  if (text == "full") return Rect{0, 0, full.width, full.height};
  if (text == "square") {
    const int side = std::min(full.width, full.height);
    return Rect{(full.width - side) / 2, (full.height - side) / 2, side, side};
  }
  const bool percent = text.starts_with("pct:");
  const auto values = numbers<4>(percent ? text.substr(4) : text, percent);
  if (!values) return wrong("region", text);
  auto [x, y, width, height] = *values;
  if (percent) {
    x = std::round(x * full.width / 100.0);
    y = std::round(y * full.height / 100.0);
    width = std::round(width * full.width / 100.0);
    height = std::round(height * full.height / 100.0);
  }
  if (x >= full.width || y >= full.height || width < 1.0 || height < 1.0) {
    return Error{ErrorCode::kUsage, fmt::format("region '{}' has nothing of the picture of {}x{}", text,
                                                full.width, full.height)};
  }
  width = std::min(width, full.width - x);
  height = std::min(height, full.height - y);
  return Rect{static_cast<int>(x), static_cast<int>(y), static_cast<int>(width), static_cast<int>(height)};
}

int rounded(double value) {
  return std::max(1, static_cast<int>(std::lround(std::min(value, 1e9))));
}

// The size that `region` is brought to by "w,", ",h" or "w,h"; `fits`: within w,h, its shape kept.
std::optional<Size> parse_sides(std::string_view text, Rect region, bool fits) {
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, comma), after = text.substr(comma + 1);
  const auto width = number(before, false), height = number(after, false);
  if ((!width && !before.empty()) || (!height && !after.empty()) || (!width && !height)) return std::nullopt;
  if ((width && *width < 1.0) || (height && *height < 1.0)) return std::nullopt;
  const double by_width = width ? *width / region.width : 0.0,
               by_height = height ? *height / region.height : 0.0;
  if (width && height && !fits) return Size{static_cast<int>(*width), static_cast<int>(*height)};
  if (fits && (!width || !height)) return std::nullopt;
  const double scale = fits ? std::min({by_width, by_height, 1.0}) : std::max(by_width, by_height);
  return Size{width && !fits ? static_cast<int>(*width) : rounded(scale * region.width),
              height && !fits ? static_cast<int>(*height) : rounded(scale * region.height)};
}

Result<Size> parse_size(std::string_view text, Rect region) {
  if (text.starts_with('^')) return not_offered("a size above the picture's own");
  if (text == "max") {
    const double pixels = static_cast<double>(region.width) * region.height;
    const double scale = std::min(1.0, std::sqrt(kMaxAnswerPixels / pixels));
    return scale == 1.0 ? region.size()
                        : Size{std::max(1, static_cast<int>(scale * region.width)),
                               std::max(1, static_cast<int>(scale * region.height))};
  }
  std::optional<Size> size;
  if (text.starts_with("pct:")) {
    const auto percent = number(text.substr(4), true);
    if (percent && *percent > 0.0 && *percent <= 100.0) {
      size = Size{rounded(*percent * region.width / 100.0), rounded(*percent * region.height / 100.0)};
    }
  } else {
    const bool fits = text.starts_with('!');
    size = parse_sides(fits ? text.substr(1) : text, region, fits);
  }
  if (!size) return wrong("size", text);
  if (size->width > region.width || size->height > region.height) {
    return Error{ErrorCode::kUsage, fmt::format("size '{}' is larger than the region of {}x{} pixels", text,
                                                region.width, region.height)};
  }
  if (size->pixels() > kMaxAnswerPixels) {
    return Error{ErrorCode::kUsage, fmt::format("size '{}' has more than {} million pixels", text,
                                                kMaxAnswerPixels / 1'000'000)};
  }
  return *size;
}

}  // namespace

Result<Rendering> parse_iiif(std::span<const std::string> parts, Size full) {
  if (parts.size() != 4)
    return Error{ErrorCode::kUsage, "an image request is region/size/rotation/quality.format"};
  Rendering rendering;
  const auto region = parse_region(parts[0], full);
  if (!region) return region.error();
  rendering.region = *region;
  const auto size = parse_size(parts[1], *region);
  if (!size) return size.error();
  rendering.size = *size;
  const std::string& rotation = parts[2];
  if (rotation != "0") {
    const bool mirrored = rotation.starts_with('!');
    const auto degrees = number(std::string_view(rotation).substr(mirrored ? 1 : 0), true);
    if (!degrees || *degrees > 360.0) return wrong("rotation", rotation);
    if (mirrored || (*degrees != 0.0 && *degrees != 360.0)) return not_offered("rotation");
  }
  const size_t dot = parts[3].rfind('.');
  const std::string quality = parts[3].substr(0, dot);
  const std::string format = dot == std::string::npos ? "" : parts[3].substr(dot);
  if (quality == "bitonal") return not_offered("bitonal");
  if (quality != "default" && quality != "color" && quality != "gray") return wrong("quality", quality);
  rendering.grey = quality == "gray";
  if (format != ".jpg" && format != ".png" && format != ".webp") {
    constexpr std::array kOthers{".tif", ".gif", ".pdf", ".jp2"};
    if (std::ranges::find(kOthers, format) != kOthers.end()) return not_offered(format);
    return wrong("format", format);
  }
  rendering.format = format;
  return rendering;
}

std::string iiif_info(const std::string& id, std::span<const Size> layers) {
  const Size full = layers.back();
  nlohmann::ordered_json info{{"@context", "http://iiif.io/api/image/3/context.json"},
                              {"id", id},
                              {"type", "ImageService3"},
                              {"protocol", "http://iiif.io/api/image"},
                              {"profile", "level1"},
                              {"width", full.width},
                              {"height", full.height},
                              {"maxArea", kMaxAnswerPixels}};
  auto& sizes = info["sizes"] = nlohmann::ordered_json::array();
  for (const Size layer : layers) {
    if (layer.pixels() <= kMaxAnswerPixels)
      sizes.push_back({{"width", layer.width}, {"height", layer.height}});
  }
  std::vector<int> factors{1};
  while (std::max(full.width, full.height) > kTile * factors.back() && factors.size() < 16) {
    factors.push_back(2 * factors.back());
  }
  info["tiles"] = {{{"width", kTile}, {"scaleFactors", factors}}};
  info["preferredFormats"] = {"webp", "jpg"};
  info["extraFormats"] = {"png", "webp"};
  info["extraQualities"] = {"color", "gray"};
  info["extraFeatures"] = {"regionByPct", "sizeByConfinedWh", "sizeByPct", "profileLinkHeader"};
  return info.dump(2);
}

}  // namespace compass::tools::serve
