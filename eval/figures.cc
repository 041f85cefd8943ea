#include "eval/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "eval/beside_paper.h"
#include "eval/chart.h"
#include "eval/summary.h"

namespace compass::eval {
namespace {

// For white paper: twelve that can be told apart, ours the first.
constexpr std::array kColours{"#0b5fa5", "#d1661c", "#0e8a6a", "#b0327b", "#a07a00", "#6a4fc3",
                              "#3aa3c9", "#7a4a25", "#c04848", "#4f7d1f", "#475569", "#8a94a0"};
constexpr int kWidth = 480, kHeight = 360, kLine = 18;  // of the chart, and of a line of its legend

constexpr const char* kStyle = R"(<style>
svg { font: 12px system-ui, sans-serif; color: #1c2733; }
.chart-title { font-weight: 600; font-size: 13px; } .tick, .axis { fill: #5b6875; font-size: 11px; }
.grid { stroke: #e3e8ed; } .series path { fill: none; stroke: currentColor; stroke-width: 1.6; }
.series circle { fill: currentColor; } .ours path { stroke-width: 3; } .quoted path { stroke-dasharray: 5 4; }
)";

std::string file_name(const std::string& layout) {
  std::string name;
  for (const char c : layout) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-';
    name += plain ? c : '_';
  }
  return name;
}

// Kilobits of a picture at a point, for pictures of so many pixels.
double kilobits(const CurvePoint& point, double pixels) {
  return point.bpp * pixels / 1000.0;
}

// The mean size of a layout's top layer.
double mean_pixels(const Results& results, const std::string& layout, int layer) {
  double sum = 0.0;
  int count = 0;
  for (const Row& row : results.rows) {
    if (row.layout != layout || row.layer != layer) continue;
    sum += row.pixels();
    ++count;
  }
  return count > 0 ? sum / count : 0.0;
}

Figure figure_of(const Results& results, const std::vector<Curve>& curves, const std::string& layout) {
  const int top = layer_count(results, layout) - 1;
  const double pixels = mean_pixels(results, layout, top);
  std::vector<const Curve*> shown;
  for (const Curve& curve : curves) {
    if (curve.key.layout == layout && curve.key.layer == top) shown.push_back(&curve);
  }
  // Not std::ranges: clang 14 cannot read libstdc++'s range that it would return.
  std::stable_partition(shown.begin(), shown.end(),
                        [](const Curve* c) { return c->key.codec.ends_with("compass"); });
  std::vector<ChartSeries> series;
  std::string style = kStyle, legend;
  for (size_t i = 0; i < shown.size(); ++i) {
    const Curve& curve = *shown[i];
    const bool single = curve.key.scheme == kSingle;  // dashed: does not hold the smaller sizes
    const char* colour = kColours[i % kColours.size()];
    style += fmt::format(".k{} {{ color: {}; }} ", i, colour);
    ChartSeries one{
        label_of(curve.key.codec, curve.key.scheme),
        fmt::format("k{}{}{}", i, curve.key.codec == "compass" ? " ours" : "", single ? " quoted" : ""),
        {}};
    for (const CurvePoint& p : curve.points) {
      const double bits = kilobits(p, pixels);
      one.points.push_back({bits, p.psnr, fmt::format("{}: {:.1f} kb, {:.2f} dB", one.label, bits, p.psnr)});
    }
    const int y = kHeight + kLine * static_cast<int>(i) + kLine / 2;
    legend += fmt::format(
        "<line x1=\"46\" x2=\"66\" y1=\"{0}\" y2=\"{0}\" stroke=\"{1}\" stroke-width=\"3\"{2}/>"
        "<text x=\"74\" y=\"{3}\">{4}</text>\n",
        y, colour, single ? " stroke-dasharray=\"5 4\"" : "", y + 4, escaped(one.label));
    series.push_back(std::move(one));
  }
  std::string chart = svg_chart(
      {fmt::format("Layers {}", layout), "kilobits of a picture, all layers", "PSNR, dB, top layer"}, series);
  if (chart.empty()) return {};
  const std::string open = "<svg class=\"chart\"";
  chart.replace(0, open.size(), fmt::format("{} width=\"{}\" height=\"{}\"", open, kWidth, kHeight));
  const int height = kHeight + kLine * static_cast<int>(shown.size()) + kLine / 2;
  return {file_name(layout),
          fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
                      "height=\"{1}\">\n{2}\n</style>\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
                      "{3}{4}</svg>\n",
                      kWidth, height, style, chart, legend)};
}

}  // namespace

std::vector<Figure> figures(const Results& results) {
  std::vector<Figure> all;
  const auto draw = [&](const Results& some, const char* suffix) {
    const std::vector<Curve> curves = mean_curves(some.rows);
    std::set<std::string> layouts;
    for (const Row& row : some.rows) layouts.insert(row.layout);
    for (const std::string& layout : layouts) {
      Figure figure = figure_of(some, curves, layout);
      figure.name += suffix;
      if (!figure.svg.empty()) all.push_back(std::move(figure));
    }
  };
  draw(without_small_systems(results), "");
  draw(small_systems(results), "_small");
  return all;
}

}  // namespace compass::eval
