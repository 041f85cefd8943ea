#include "parse.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>

#include "core/printable.h"

namespace compass::tools {
namespace {

Error expected(const char* what, std::string_view got) {
  return {ErrorCode::kUsage, fmt::format("{} is not {}", printable(got), what)};
}

template <typename T>
std::optional<T> number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::optional<Size> size_of(std::string_view text) {
  const std::vector<std::string_view> sides = split(text, 'x');
  if (sides.size() != 2) return std::nullopt;
  const std::optional<int> width = number<int>(sides[0]);
  const std::optional<int> height = number<int>(sides[1]);
  if (!width || !height || *width < 1 || *height < 1) return std::nullopt;
  return Size{*width, *height};
}

// "0.25" or "1/4".
std::optional<double> scale_of(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, '/');
  const std::optional<double> top = number<double>(parts[0]);
  const std::optional<double> bottom = parts.size() == 2 ? number<double>(parts[1]) : 1.0;
  if (parts.size() > 2 || !top || !bottom || *bottom == 0.0) return std::nullopt;
  const double value = *top / *bottom;
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

}  // namespace

Result<Size> parse_size(const std::string& text) {
  const std::optional<Size> size = size_of(text);
  if (!size) return expected("a size such as 768x512", text);
  return *size;
}

Result<std::vector<Size>> parse_sizes(const std::string& text) {
  std::vector<Size> sizes;
  for (const std::string_view part : split(text, ',')) {
    const std::optional<Size> size = size_of(part);
    if (!size) return expected("a list of sizes such as 192x128,384x256,768x512", text);
    sizes.push_back(*size);
  }
  return sizes;
}

Result<std::vector<double>> parse_scales(const std::string& text) {
  std::vector<double> scales;
  for (const std::string_view part : split(text, ',')) {
    const std::optional<double> scale = scale_of(part);
    if (!scale) return expected("a list of scales such as 0.25,0.5,1", text);
    scales.push_back(*scale);
  }
  return scales;
}

Result<Rect> parse_rect(const std::string& text) {
  const std::vector<std::string_view> parts = split(text, ',');
  int values[4] = {};
  bool good = parts.size() == 4;
  for (size_t i = 0; good && i < 4; ++i) {
    const std::optional<int> value = number<int>(parts[i]);
    good = value && *value >= (i < 2 ? 0 : 1);
    if (good) values[i] = *value;
  }
  if (!good) return expected("a region X,Y,W,H such as 100,50,256,256", text);
  return Rect{values[0], values[1], values[2], values[3]};
}

Result<uint64_t> parse_amount(const std::string& text) {
  std::string_view digits = text;
  double unit = 1.0;
  if (!digits.empty()) {
    switch (digits.back()) {
      case 'k':
      case 'K':
        unit = 1e3;
        break;
      case 'M':
        unit = 1e6;
        break;
      case 'G':
        unit = 1e9;
        break;
      default:
        break;
    }
    if (unit != 1.0) digits.remove_suffix(1);
  }
  const std::optional<double> value = number<double>(digits);
  if (!value || !(*value >= 0.0) || *value * unit > 1e18)
    return expected("an amount such as 400M or 2G", text);
  return static_cast<uint64_t>(std::llround(*value * unit));
}

Status check_whole_number(const std::string& text) {
  std::string_view digits = text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  const bool decimal = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  const bool octal_elsewhere =
      digits.size() > 1 && digits.front() == '0';  // refused: some programs read it as octal
  return !digits.empty() && decimal && !octal_elsewhere ? Status() : expected("a whole number", text);
}

Status check_decimal_number(const std::string& text) {
  const std::optional<double> value = number<double>(text);
  return value && std::isfinite(*value) ? Status() : expected("a number", text);
}

}  // namespace compass::tools
