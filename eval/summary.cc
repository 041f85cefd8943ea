#include "eval/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>

#include "eval/anchors.h"
#include "eval/beside_paper.h"

namespace compass::eval {
namespace {

std::string percent(const Result<BdValue>& value) {
  return value ? fmt::format("{:+.1f} %", value->value) : std::string("-");
}

std::string seconds(double value) {
  return value > 0 ? fmt::format("{:.2f}", value) : "-";
}
std::string mebibytes(uint64_t kib) {
  return kib > 0 ? fmt::format("{:.0f}", static_cast<double>(kib) / 1024) : "-";
}

const Curve* find(const std::vector<Curve>& curves, const CurveKey& key) {
  const auto found = std::find_if(curves.begin(), curves.end(), [&](const Curve& c) { return c.key == key; });
  return found == curves.end() ? nullptr : &*found;
}

// Seconds per million pixels, the mean of a curve's points.
struct MeanSeconds {
  double encode = 0;
  double decode = 0;
};

MeanSeconds mean_seconds(const Curve& curve) {
  MeanSeconds mean;
  const auto count = static_cast<double>(curve.points.size());
  for (const CurvePoint& p : curve.points) {
    mean.encode += p.encode_seconds_per_mp / count;
    mean.decode += p.decode_seconds_per_mp / count;
  }
  return mean;
}

// Curves of the top layer of a layout.
std::vector<Curve> top_curves(const Results& results, const std::string& layout) {
  std::vector<Curve> out;
  const int top = layer_count(results, layout) - 1;
  for (Curve& c : mean_curves(results.rows)) {
    if (c.key.layout == layout && c.key.layer == top) out.push_back(std::move(c));
  }
  return out;
}

Section titled(Section section, const std::string& prefix) {
  section.title[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(section.title[0])));
  section.title = prefix + section.title;
  return section;
}

std::string range(double low, double high, const char* format) {
  return fmt::format(fmt::runtime(std::string(format) + "-" + format), low, high);
}

}  // namespace

std::string main_layout(const Results& results) {
  const std::string wanted = paper_three_layers(2, 4).name;
  for (const Row& r : results.rows) {
    if (r.layout == wanted) return wanted;
  }
  return results.rows.empty() ? std::string() : results.rows.front().layout;
}

int layer_count(const Results& results, const std::string& layout) {
  const auto row = std::find_if(results.rows.begin(), results.rows.end(),
                                [&](const Row& r) { return r.layout == layout; });
  return row == results.rows.end() ? 0 : row->layers;
}

std::string label_of(const std::string& codec, const std::string& scheme) {
  if (codec == "compass-base") return scheme == kSingle ? "single-layer, our base" : "simulcast, our base";
  return fmt::format("{}, {}", codec, scheme);
}

bool is_kodak(const Results& results) {
  std::set<std::string> names;
  for (const Row& r : results.rows) {
    const bool whole = (r.width == 768 && r.height == 512) || (r.width == 512 && r.height == 768);
    if (whole && r.image.starts_with("kodim")) names.insert(r.image);
  }
  std::set<std::string> all;
  for (const Row& r : results.rows) all.insert(r.image);
  return names.size() == 24 && all == names;
}

Section headline(const Results& results) {
  const std::string layout = main_layout(results);
  const bool kodak = is_kodak(results);
  const QuotedCurve published = published_single_layer();
  struct Line {
    double order;
    std::vector<std::string> cells;
  };
  std::vector<Line> lines;
  const auto add = [&](const std::string& name, const RdCurve& rd, const std::string& encode,
                       const std::string& decode, const std::string& memory) {
    const Result<BdValue> bd = bd_rate(published.rd, rd, kReportInterpolation);
    const bool known = kodak && bd.ok();
    lines.push_back({bd ? bd->value : 1e9,
                     {name, known ? fmt::format("{:+.1f}", bd->value) : "-",
                      known ? fmt::format("{:.0f}", 100 * bd->overlap) : "-",
                      range(rd.front().rate, rd.back().rate, "{:.2f}"),
                      range(rd.front().quality, rd.back().quality, "{:.1f}"), encode, decode, memory}});
  };
  for (const Curve& c : top_curves(results, layout)) {
    uint64_t memory = 0;
    for (const CurvePoint& p : c.points) memory = std::max({memory, p.encode_peak_kib, p.decode_peak_kib});
    const MeanSeconds mean = mean_seconds(c);
    add(label_of(c.key.codec, c.key.scheme), c.rd(), seconds(mean.encode), seconds(mean.decode),
        mebibytes(memory));
  }
  if (kodak && layer_count(results, layout) == 3) {
    for (const QuotedCurve& q : quoted_peers()) {
      if (q.scheme == kSingle) continue;  // they do not hold the smaller sizes
      RdCurve rd = q.rd;
      std::sort(rd.begin(), rd.end(), [](const RdPoint& a, const RdPoint& b) { return a.rate < b.rate; });
      add(fmt::format("* {}, {}", q.label, q.scheme), rd, "-", "-", "-");
    }
    lines.push_back(
        {0,
         {"* mean-scale, published", "+0.0", "100",
          range(published.rd.front().rate, published.rd.back().rate, "{:.2f}"),
          range(published.rd.front().quality, published.rd.back().quality, "{:.1f}"), "-", "-", "-"}});
    lines.push_back({4.74, {"* COMPASS, the paper's", "+4.7", "-", "-", "-", "-", "-", "-"}});
    lines.push_back({36, {"* simulcast, the paper's", "+36", "-", "-", "-", "-", "-", "-"}});
  }
  std::stable_sort(lines.begin(), lines.end(),
                   [](const Line& a, const Line& b) { return a.order < b.order; });
  Section out{
      fmt::format("Top layer, layers {}", layout),
      "BD-rate in percent against the published single-layer mean-scale hyperprior on Kodak (more bits: +), "
      "all bytes up to and including the top layer over its pixels; on: the percentage of the shorter "
      "curve's range that both share, which is all the figure speaks for. *: quoted, not measured here (the "
      "paper's two are implied by its tables). enc, dec: seconds per million pixels. MiB: the largest "
      "process. Layers are named by their sizes in units of the base layer's.",
      TextTable({"codec", "BD-rate", "on", "bpp", "PSNR dB", "enc", "dec", "MiB"})};
  if (!kodak) {
    out.text =
        "No BD-rate: these are not the 24 Kodak pictures that the published curve is about. " + out.text;
  }
  for (Line& line : lines) out.table.add(std::move(line.cells));
  return out;
}

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
      "What follows is of the top layer: MS-SSIM, what programs that know of eyes say, seconds per million "
      "pixels.",
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
    cells.push_back(seconds(top.encode_seconds_per_mp));
    cells.push_back(seconds(top.decode_seconds_per_mp));
    out.table.add(std::move(cells));
  }
  return out;
}

Section small_systems_points(const Results& small) {
  const std::string layout = main_layout(small);
  const QuotedCurve published = published_single_layer();
  Section out{fmt::format("Small systems: top layer, layers {}", layout),
              "A model for each lambda. BD-rate in percent against the published single-layer codec, which "
              "is far larger, where the pictures are Kodak's. enc, dec: seconds per million pixels.",
              TextTable({"system", "BD-rate", "bpp", "PSNR dB", "enc", "dec", "complexity"})};
  for (const Curve& c : top_curves(small, layout)) {
    const Result<BdValue> bd = bd_rate(published.rd, c.rd(), kReportInterpolation);
    std::string rates, qualities;
    for (const CurvePoint& p : c.points) {
      rates += fmt::format("{}{:.3f}", rates.empty() ? "" : " ", p.bpp);
      qualities += fmt::format("{}{:.2f}", qualities.empty() ? "" : " ", p.psnr);
    }
    const MeanSeconds mean = mean_seconds(c);
    const auto cost = small.facts.find("complexity: " + c.key.codec);
    out.table.add({label_of(c.key.codec, c.key.scheme),
                   bd && is_kodak(small) ? fmt::format("{:+.0f}", bd->value) : "-", rates, qualities,
                   seconds(mean.encode), seconds(mean.decode),
                   cost == small.facts.end() ? "-" : cost->second});
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
                   seconds(mean.encode), seconds(mean.decode)});
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

Section missing(const Results& results) {
  Section out{"Missing", "Asked for, and not there.", TextTable({"what", "why"})};
  for (const Failure& f : results.failures) out.table.add({f.what, f.why});
  return out;
}

// What is measured against the published curve comes first, then what is against our own rivals, then the
// small systems against each other: a table holds one of the three, never two.
std::vector<Section> sections(const Results& results) {
  std::vector<Section> all;
  const auto add = [&](Section section) {
    if (!section.table.empty()) all.push_back(std::move(section));
  };
  if (const Results own = without_small_systems(results); !own.rows.empty()) {
    const std::string layout = main_layout(own);
    add(headline(own));
    add(points(own, "compass", kOneStream, layout));
    add(by_layers(own));
    add(beside_the_paper(own, shipped_family()));
    add(matrix(own, layout));
    add(liff_gain(own));
    add(ceilings(own));
  }
  if (const Results small = small_systems(results); !small.rows.empty()) {
    add(small_systems_points(small));
    add(beside_the_paper(small, pocket_family()));
    add(titled(matrix(small, main_layout(small)), "Small systems: "));
  }
  add(missing(results));
  return all;
}

}  // namespace compass::eval
