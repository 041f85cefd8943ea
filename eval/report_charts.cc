#include "eval/report_charts.h"

#include <fmt/format.h>

#include <map>

#include "eval/anchors.h"
#include "eval/chart.h"
#include "eval/metrics.h"
#include "eval/summary.h"

namespace compass::eval {
namespace {

constexpr int kColours = 12;

// Which colour a codec has, the same everywhere in the report; schemes of one codec share it.
class Colours {
 public:
  explicit Colours(const Results& results) {
    // Ours first and its base second, so that their colours do not depend on which other codecs take part.
    for (const char* name : {"compass", "compass-base"}) add(name);
    for (const Row& r : results.rows) add(r.codec);
  }
  void add(const std::string& codec) {
    numbers_.emplace(codec, static_cast<int>(numbers_.size()) % kColours);
  }
  int of(const std::string& codec) const {
    const auto found = numbers_.find(codec);
    return found == numbers_.end() ? 2 : found->second;
  }

 private:
  std::map<std::string, int> numbers_;
};

std::string hover_text(const std::string& label, const CurvePoint& p) {
  std::string text = fmt::format("{}\nsetting {}\n{:.4f} bpp, {:.3f} dB", label, p.setting, p.bpp, p.psnr);
  if (p.ms_ssim) text += fmt::format("\nMS-SSIM {:.5f}", *p.ms_ssim);
  return text;
}

std::string css_class(const Colours& colours, const std::string& codec, const char* scheme) {
  std::string text = fmt::format("k{}", colours.of(codec));
  if (is_ours(codec)) text += " ours";
  if (std::string(scheme) == kSingle) text += " quoted";  // dashed: not the same job
  return text;
}

// Sort key, by which ours comes first and what is quoted last, to label and class.
using Legend = std::map<std::string, std::pair<std::string, std::string>>;

// A curve of rate and PSNR, or of rate and MS-SSIM.
ChartSeries series_of(const Curve& curve, const Colours& colours, bool similarity) {
  ChartSeries s{label_of(curve.key.codec, curve.key.scheme),
                css_class(colours, curve.key.codec, curve.key.scheme.c_str()),
                {}};
  for (const CurvePoint& p : curve.points) {
    if (similarity && !p.ms_ssim) continue;
    s.points.push_back({p.bpp, similarity ? ms_ssim_db(*p.ms_ssim) : p.psnr, hover_text(s.label, p)});
  }
  return s;
}

ChartSeries published_series(bool similarity) {
  ChartSeries s{"mean-scale, published", "k2 quoted", {}};
  if (!similarity) {
    for (const RdPoint& p : published_single_layer().rd) {
      s.points.push_back(
          {p.rate, p.quality, fmt::format("{}\n{:.4f} bpp, {:.3f} dB", s.label, p.rate, p.quality)});
    }
    return s;
  }
  const Result<CsvTable> table = anchor_table("mbt2018_mean_published");
  if (!table) return s;
  for (const auto& row : table->rows) {
    const Result<double> rate = parse_number(row[table->column("bpp")]);
    const Result<double> value = parse_number(row[table->column("ms_ssim_rgb")]);
    if (!rate || !value) continue;
    s.points.push_back(
        {*rate, ms_ssim_db(*value), fmt::format("{}\n{:.4f} bpp, {:.5f}", s.label, *rate, *value)});
  }
  return s;
}

std::string legend_buttons(const Legend& legend) {
  std::string buttons;
  for (const auto& [order, entry] : legend) {
    const auto& [label, classes] = entry;
    const std::string colour = classes.substr(1, classes.find(' ') - 1);
    buttons += fmt::format(
        "<button type=\"button\" class=\"{}\" style=\"--mark:var(--c{})\" data-series=\"{}\" "
        "aria-pressed=\"true\">{}</button>\n",
        classes.find("quoted") != std::string::npos ? "quoted" : "", colour, escaped(label), escaped(label));
  }
  return buttons;
}

}  // namespace

std::string rd_charts(const Results& results, const std::string& title) {
  const Colours colours(results);
  const std::string layout = main_layout(results);
  const int layers = layer_count(results, layout);
  const std::vector<Curve> curves = mean_curves(results.rows);
  std::string svgs;
  Legend legend;
  for (int layer = layers; layer >= 0; --layer) {
    const bool similarity = layer == layers;  // one chart more than there are layers, shown last
    const int shown = similarity ? layers - 1 : layer;
    std::vector<ChartSeries> series;
    for (const Curve& c : curves) {
      if (c.key.layout != layout || c.key.layer != shown) continue;
      series.push_back(series_of(c, colours, similarity));
      const ChartSeries& s = series.back();
      legend[(is_ours(c.key.codec) ? "0" : "1") + s.label] = {s.label, s.css_class};
    }
    if (shown == layers - 1 && is_kodak(results)) {
      series.push_back(published_series(similarity));
      legend["2" + series.back().label] = {series.back().label, series.back().css_class};
    }
    const std::string name = shown == 0 && layers > 1 ? "Base layer"
                             : shown == layers - 1    ? "Top layer"
                                                      : fmt::format("Enhancement layer {}", shown);
    const std::string svg = svg_chart(
        {name, "bits per pixel of the layer, everything up to it", similarity ? "MS-SSIM, dB" : "PSNR, dB"},
        series);
    if (svg.empty()) continue;
    const std::string panel = fmt::format("<div class=\"panel\">{}</div>\n", svg);
    svgs = similarity ? panel : panel + svgs;  // base layer first, similarity last
  }
  return fmt::format(
      "<h2>{}, layers {}</h2>\n<p class=\"soft\">Means over the pictures. Rest on a point "
      "for its "
      "values; click a name to hide its curves. Dotted: a single layer alone, which does not hold the "
      "smaller "
      "sizes.</p>\n<div class=\"legend\">{}</div>\n<div class=\"charts\">{}</div>\n",
      escaped(title), escaped(layout), legend_buttons(legend), svgs);
}

}  // namespace compass::eval
