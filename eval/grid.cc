#include "eval/grid.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "eval/process.h"

namespace compass::eval {
namespace {

using nlohmann::json;

Error bad_grid(const std::string& path, const std::string& what) {
  return {ErrorCode::kBadFile, fmt::format("{}: {}", path, what)};
}

// A scale as people write it: "1/4", "1", "0.35".
std::string scale_name(double scale) {
  for (const int divisor : {1, 2, 4, 8, 16}) {
    if (scale == 1.0 / divisor) return divisor == 1 ? "1" : fmt::format("1/{}", divisor);
  }
  return fmt::format("{:.4g}", scale);
}

Layout named(std::vector<double> scales) {
  std::vector<std::string> names;
  names.reserve(scales.size());
  for (const double s : scales) names.push_back(scale_name(s));
  return {fmt::format("{}", fmt::join(names, " ")), std::move(scales)};
}

Result<Grid> parse_grid(const std::string& path) {
  const Result<std::vector<uint8_t>> bytes = read_file(path);
  if (!bytes) {
    return Error{ErrorCode::kUsage,
                 fmt::format("'{}' is neither a grid (quick, paper) nor a readable file", path)};
  }
  const json document = json::parse(bytes->begin(), bytes->end(), nullptr, false);
  if (!document.is_object()) return bad_grid(path, "not a JSON object");
  Grid grid{path, {}, {}, {}};
  const auto layouts = document.find("layouts");
  if (layouts == document.end() || !layouts->is_array() || layouts->empty()) {
    return bad_grid(path, "\"layouts\" must be a list of lists of scales");
  }
  for (const json& entry : *layouts) {
    std::vector<double> scales;
    if (entry.is_array()) {
      for (const json& scale : entry) scales.push_back(scale.is_number() ? scale.get<double>() : 0);
    }
    const bool inside = std::all_of(scales.begin(), scales.end(), [](double s) { return s > 0 && s <= 1; });
    if (scales.empty() || scales.size() > 16 || !inside || !std::is_sorted(scales.begin(), scales.end())) {
      return bad_grid(path, "a layout must be 1 to 16 rising scales in (0,1]");
    }
    grid.layouts.push_back(named(std::move(scales)));
  }
  const auto strings = [](const json& list) {
    std::vector<std::string> out;
    if (list.is_array()) {
      for (const json& v : list) out.push_back(v.is_string() ? v.get<std::string>() : v.dump());
    }
    return out;
  };
  if (document.contains("qualities")) grid.qualities = strings(document["qualities"]);
  if (document.contains("settings") && document["settings"].is_object()) {
    for (const auto& [codec, list] : document["settings"].items()) grid.settings[codec] = strings(list);
  }
  return grid;
}

}  // namespace

std::vector<Size> layout_sizes(const Layout& layout, Size picture) {
  std::vector<Size> sizes;
  for (const double scale : layout.scales) {
    const auto side = [&](int full) { return std::max(1, static_cast<int>(std::trunc(scale * full))); };
    sizes.push_back(scale == 1 ? picture : Size{side(picture.width), side(picture.height)});
  }
  return sizes;
}

Layout layout_from_factors(const std::vector<double>& factors) {
  const double whole = std::max(4.0, factors.back());
  std::vector<double> scales;
  for (const double f : factors) scales.push_back(f / whole);
  return {fmt::format("x{:.1f}", fmt::join(factors, " x")), std::move(scales)};
}

Layout even_layout(int layers) {
  std::vector<double> scales;
  for (int k = 0; k < layers; ++k) {
    scales.push_back(k + 1 == layers ? 1 : std::pow(0.25, 1 - static_cast<double>(k) / (layers - 1)));
  }
  Layout layout = named(std::move(scales));
  if (layers > 3) layout.name = fmt::format("{} layers 1/4..1", layers);
  return layout;
}

Layout paper_two_layers(double top) {
  return layout_from_factors({1, top});
}
Layout paper_three_layers(double middle, double top) {
  return layout_from_factors({1, middle, top});
}

std::vector<Layout> paper_layouts() {
  std::vector<Layout> layouts;
  for (const double top : {1.2, 1.6, 2.0, 2.4, 2.8}) layouts.push_back(paper_two_layers(top));
  for (const double top : {2.4, 2.8, 3.2, 3.6, 4.0, 4.5, 5.0, 5.5, 6.0}) {
    layouts.push_back(paper_three_layers(2.0, top));
  }
  for (const double middle : {1.2, 1.4, 1.6, 1.8}) {
    for (const double top : {2.4, 2.8, 3.2, 3.6, 4.0}) layouts.push_back(paper_three_layers(middle, top));
  }
  for (const int layers : {4, 5, 6, 9}) layouts.push_back(even_layout(layers));
  return layouts;
}

std::vector<std::string> qualities_at(const std::vector<double>& rate_points,
                                      const std::vector<double>& lambdas) {
  std::vector<std::string> qualities;
  for (const double lambda : lambdas) {
    double position = 0.0;  // the axis is exponential between its points
    for (size_t i = 1; i < rate_points.size(); ++i) {
      const double part =
          std::log(lambda / rate_points[i - 1]) / std::log(rate_points[i] / rate_points[i - 1]);
      position += std::clamp(part, 0.0, 1.0);
    }
    const double intervals = std::max(1.0, static_cast<double>(rate_points.size()) - 1.0);
    const std::string quality = fmt::format("{:.1f}", 100.0 * position / intervals);
    if (qualities.empty() || qualities.back() != quality) qualities.push_back(quality);
  }
  return qualities;
}

Result<Grid> load_grid(const std::string& name_or_path) {
  if (name_or_path == "quick") {
    return Grid{"quick",
                {layout_from_factors({1, 2, 4})},
                {"0", "12.5", "25", "37.5", "50", "62.5", "75", "87.5", "100"},
                {},
                {}};
  }
  if (name_or_path == "paper") {
    return Grid{"paper", paper_layouts(), {}, {0.0018, 0.0035, 0.0067, 0.013}, {}};
  }
  return parse_grid(name_or_path);
}

}  // namespace compass::eval
