// Tables of curves that were measured here, and of these against each other.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "eval/curve_cost.h"
#include "eval/grid.h"
#include "eval/summary.h"

namespace compass::eval {
namespace {

std::string percent(const Result<BdValue>& value) {
  return value ? fmt::format("{:+.1f} %", value->value) : std::string("-");
}

const Curve* find(const std::vector<Curve>& curves, const CurveKey& key) {
  const auto found = std::find_if(curves.begin(), curves.end(), [&](const Curve& c) { return c.key == key; });
  return found == curves.end() ? nullptr : &*found;
}

}  // namespace

Section points(const Results& results, const std::string& codec, const std::string& scheme,
               const std::string& layout) {
  std::vector<Curve> curves;  // by layer
  for (Curve& c : mean_curves(results.rows)) {
    if (c.key.codec == codec && c.key.scheme == scheme && c.key.layout == layout)
      curves.push_back(std::move(c));
  }
  std::vector<std::string> head{"setting"};
  for (const Curve& c : curves) {
    head.push_back(fmt::format("bpp {}", c.key.layer));
    head.push_back(fmt::format("dB {}", c.key.layer));
  }
  head.emplace_back("MS-SSIM");
  const auto asked = [&](const PerceptualMetric& metric) {
    return !curves.empty() && std::ranges::any_of(curves.back().points, [&](const CurvePoint& p) {
      return (p.seen.*metric.value).has_value();
    });
  };
  for (const PerceptualMetric& metric : kPerceptualMetrics) {
    if (asked(metric)) head.emplace_back(metric.name);
  }
  for (const char* column : {"enc s", "dec s"}) head.emplace_back(column);
  Section out{
      fmt::format("{}: every point, layers {}", label_of(codec, scheme), layout),
      "By layer, 0 the lowest: bpp is all bytes up to and including the layer over the layer's pixels. "
      "What follows is of the top layer: MS-SSIM, SSIMULACRA and butteraugli if they were asked for "
      "(--perceptual), seconds per million pixels.",
      TextTable(std::move(head))};
  if (curves.empty()) return out;
  for (const CurvePoint& top : curves.back().points) {
    std::vector<std::string> cells{top.setting};
    for (const Curve& c : curves) {
      const auto p = std::find_if(c.points.begin(), c.points.end(),
                                  [&](const CurvePoint& point) { return point.setting == top.setting; });
      cells.push_back(p == c.points.end() ? "-" : fmt::format("{:.3f}", p->bpp));
      cells.push_back(p == c.points.end() ? "-" : fmt::format("{:.2f}", p->psnr));
    }
    cells.push_back(top.ms_ssim ? fmt::format("{:.4f}", *top.ms_ssim) : "-");
    for (const PerceptualMetric& metric : kPerceptualMetrics) {
      const auto& value = top.seen.*metric.value;
      if (asked(metric)) cells.push_back(value ? fmt::format("{:.{}f}", *value, metric.digits) : "-");
    }
    cells.push_back(seconds_text(top.encode_seconds_per_mp));
    cells.push_back(seconds_text(top.decode_seconds_per_mp));
    out.table.add(std::move(cells));
  }
  return out;
}

Section matrix(const Results& results, const std::string& layout) {
  const std::vector<Curve> curves = top_curves(results, layout);
  std::vector<std::string> head{"BD-rate in % of"};
  for (size_t i = 0; i < curves.size(); ++i) head.push_back(fmt::format("({})", i + 1));
  Section out{
      fmt::format("Everyone against everyone, top layer, layers {}", layout),
      "Each row's codec against each column's: negative means the row needs fewer bits. -: the curves "
      "overlap too little, or do not rise.",
      TextTable(std::move(head))};
  if (curves.size() < 2) return out;
  for (size_t r = 0; r < curves.size(); ++r) {
    std::vector<std::string> cells{
        fmt::format("({}) {}", r + 1, label_of(curves[r].key.codec, curves[r].key.scheme))};
    for (const Curve& column : curves) {
      const Result<BdValue> bd =
          bd_rate_between(results.rows, column.key, curves[r].key, kReportInterpolation);
      cells.push_back(column.key == curves[r].key ? "" : bd ? fmt::format("{:+.0f}", bd->value) : "-");
    }
    out.table.add(std::move(cells));
  }
  return out;
}

Section by_layers(const Results& results) {
  Section out{"More layers",
              "Our codec with the same top layer and more layers below it: BD-rate of the top layer against "
              "simulcast of our base codec, and against one layer of it.",
              TextTable({"layers", "sizes", "vs simulcast", "vs single-layer", "enc s/MP", "dec s/MP"})};
  std::map<int, std::string> layouts;
  for (const Row& r : results.rows) {
    const int layers = r.layers;
    if (r.codec == "compass" &&
        (r.layout == even_layout(layers).name || r.layout == paper_three_layers(2, 4).name)) {
      layouts[layers] = r.layout;
    }
  }
  if (layouts.size() < 2) return out;
  const std::vector<Curve> curves = mean_curves(results.rows);
  for (const auto& entry : layouts) {
    const int layers = entry.first;
    const std::string& layout = entry.second;
    const CurveKey key{"compass", kOneStream, layout, layers - 1};
    const Curve* curve = find(curves, key);
    if (curve == nullptr) continue;
    const MeanSeconds mean = mean_seconds(*curve);
    const auto against = [&](const char* scheme) {
      return percent(bd_rate_between(results.rows, {"compass-base", scheme, layout, layers - 1}, key,
                                     kReportInterpolation));
    };
    out.table.add({std::to_string(layers), layout, against(kSimulcast), against(kSingle),
                   seconds_text(mean.encode), seconds_text(mean.decode)});
  }
  return out;
}

Section liff_gain(const Results& results) {
  Section out{
      "LIFF against bicubic",
      "BD-rate of the top layer against the same model with bicubic prediction in LIFF's place, in percent "
      "(negative: LIFF saves). The model was trained with LIFF.",
      TextTable({"layers", "BD-rate"})};
  std::set<std::string> layouts;
  for (const Row& r : results.rows) {
    if (r.codec == "compass-bicubic") layouts.insert(r.layout);
  }
  for (const std::string& layout : layouts) {
    const int top = layer_count(results, layout) - 1;
    const Result<BdValue> bd = bd_rate_between(results.rows, {"compass-bicubic", kOneStream, layout, top},
                                               {"compass", kOneStream, layout, top}, kReportInterpolation);
    out.table.add({layout, bd ? fmt::format("{:+.1f}", bd->value) : "-"});
  }
  return out;
}

Section ceilings(const Results& results) {
  struct Sum {
    double psnr = 0;
    int pictures = 0;
  };
  std::map<std::pair<std::string, std::string>, std::map<int, Sum>> sums;  // by codec and layout, by layer
  int layers = 0;
  for (const Row& r : results.rows) {
    if (r.scheme != kCeiling) continue;
    Sum& sum = sums[{r.codec, r.layout}][r.layer];
    sum.psnr += r.psnr;
    ++sum.pictures;
    layers = std::max(layers, r.layer + 1);
  }
  std::vector<std::string> head{"codec", "layers"};
  for (int k = 0; k < layers; ++k) head.push_back(fmt::format("dB {}", k));
  Section out{"Ceilings",
              "Mean PSNR by layer with all the bits. These codecs shrink pictures their own way, so their "
              "lower layers stop here, however large the file.",
              TextTable(std::move(head))};
  for (const auto& [key, by_layer] : sums) {
    std::vector<std::string> cells{key.first, key.second};
    for (int k = 0; k < layers; ++k) {
      const auto sum = by_layer.find(k);
      cells.push_back(sum == by_layer.end() ? "-"
                                            : fmt::format("{:.2f}", sum->second.psnr / sum->second.pictures));
    }
    out.table.add(std::move(cells));
  }
  return out;
}

}  // namespace compass::eval
