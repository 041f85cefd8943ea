// Tables of what stands against the published single-layer curve.
#include <fmt/format.h>

#include <algorithm>

#include "eval/anchors.h"
#include "eval/curve_cost.h"
#include "eval/summary.h"

namespace compass::eval {
namespace {

std::string mebibytes(uint64_t kib) {
  return kib > 0 ? fmt::format("{:.0f}", static_cast<double>(kib) / 1024) : "-";
}

std::string range(double low, double high, const char* format) {
  return fmt::format(fmt::runtime(std::string(format) + "-" + format), low, high);
}

}  // namespace

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
    add(label_of(c.key.codec, c.key.scheme), c.rd(), seconds_text(mean.encode), seconds_text(mean.decode),
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
                   seconds_text(mean.encode), seconds_text(mean.decode),
                   cost == small.facts.end() ? "-" : cost->second});
  }
  return out;
}

}  // namespace compass::eval
