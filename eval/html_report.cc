#include "eval/html_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "eval/anchors.h"
#include "eval/beside_paper.h"
#include "eval/chart.h"
#include "eval/curve_cost.h"
#include "eval/html_style.h"
#include "eval/report_charts.h"
#include "eval/summary.h"

namespace compass::eval {
namespace {

std::string head(const Results& results) {
  const auto fact = [&](const char* name) {
    const auto found = results.facts.find(name);
    return found == results.facts.end() ? std::string("not stated") : found->second;
  };
  // Of one model, or of the two for low and for high qualities.
  const auto facts = [&](const std::string& name) {
    const auto second = results.facts.find(name + " 2");
    return fact(name.c_str()) + (second == results.facts.end() ? "" : "; " + second->second);
  };
  std::set<std::string> images;
  for (const Row& r : results.rows) images.insert(r.image);
  return fmt::format(
      "<h1>COMPASS: where we stand</h1>\n<p class=\"soft\">{} pictures, grid {}. Model {}. Commit {}. "
      "{}. Cost: {}.</p>\n",
      images.size(), escaped(fact("grid")), escaped(facts("model")), escaped(fact("commit")),
      escaped(fact("machine")), escaped(facts("complexity")));
}

std::string card(const Result<BdValue>& bd, const std::string& what) {
  if (!bd)
    return fmt::format("<div class=\"card\"><b>-</b><span>{}<br>{}</span></div>\n", escaped(what),
                       escaped(bd.error().message));
  return fmt::format("<div class=\"card\"><b class=\"{}\">{:+.1f} %</b><span>{}</span></div>\n",
                     bd->value < 0 ? "good" : "bad", bd->value, escaped(what));
}

std::string cards(const Results& results) {
  const std::string layout = main_layout(results);
  const int top = layer_count(results, layout) - 1;
  const CurveKey key{"compass", kOneStream, layout, top};
  const std::vector<Curve> curves = mean_curves(results.rows);
  const auto mine = std::find_if(curves.begin(), curves.end(), [&](const Curve& c) { return c.key == key; });
  if (mine == curves.end()) return {};
  std::string out = "<div class=\"cards\">\n";
  if (is_kodak(results)) {
    out += card(bd_rate(published_single_layer().rd, mine->rd(), kReportInterpolation),
                "BD-rate of all layers together against the published single-layer mean-scale codec");
  }
  out += card(
      bd_rate_between(results.rows, {"compass-base", kSimulcast, layout, top}, key, kReportInterpolation),
      "BD-rate against simulcast of our own base codec");
  out +=
      card(bd_rate_between(results.rows, {"compass-base", kSingle, layout, top}, key, kReportInterpolation),
           "BD-rate against a single layer of our own base codec");
  const MeanSeconds mean = mean_seconds(*mine);
  out += fmt::format(
      "<div class=\"card\"><b>{:.2f} / {:.2f} s</b><span>to encode / decode a million pixels, all "
      "layers</span></div>\n",
      mean.encode, mean.decode);
  return out + "</div>\n";
}

std::string table_of(const Section& section) {
  const auto& rows = section.table.rows();
  const size_t columns = rows.front().size();
  std::vector<bool> numeric(columns, true);
  for (size_t c = 0; c < columns; ++c) {
    for (size_t r = 1; r < rows.size(); ++r) numeric[c] = numeric[c] && is_numeric_cell(rows[r][c]);
  }
  std::string out = "<div class=\"scroll\"><table>\n";
  for (size_t r = 0; r < rows.size(); ++r) {
    const std::string& first = rows[r].front();
    const char* row_class = r == 0                                        ? ""
                            : first.find("compass,") != std::string::npos ? " class=\"ours\""
                            : first.starts_with("* ")                     ? " class=\"quoted\""
                                                                          : "";
    out += fmt::format("<tr{}>", row_class);
    for (size_t c = 0; c < columns; ++c) {
      const char* cell_class = numeric[c] ? " class=\"n\"" : rows[r][c].size() > 60 ? " class=\"wrap\"" : "";
      out += fmt::format("<{0}{1}>{2}</{0}>", r == 0 ? "th" : "td", cell_class, escaped(rows[r][c]));
    }
    out += "</tr>\n";
  }
  return out + "</table></div>\n";
}

std::string section_of(const Section& section) {
  return fmt::format("<h2>{}</h2>\n<p class=\"soft\">{}</p>\n{}", escaped(section.title),
                     escaped(section.text), table_of(section));
}

// BD-rate of our codec against every other, picture by picture.
std::string per_image(const Results& results, const std::string& layout) {
  const int top = layer_count(results, layout) - 1;
  std::map<std::string, std::vector<Row>> by_image;
  std::vector<CurveKey> rivals;
  for (const Row& r : results.rows) {
    if (r.layout != layout || r.layer != top || r.scheme == kCeiling) continue;
    by_image[r.image].push_back(r);
    const CurveKey key{r.codec, r.scheme, r.layout, r.layer};
    if (!is_ours(r.codec) && std::find(rivals.begin(), rivals.end(), key) == rivals.end())
      rivals.push_back(key);
  }
  const CurveKey mine{"compass", kOneStream, layout, top};
  std::vector<std::string> columns{"picture", "bpp", "PSNR dB"};
  for (const CurveKey& rival : rivals) columns.push_back("vs " + label_of(rival.codec, rival.scheme));
  Section section{
      "Picture by picture",
      "Our top layer: rates and qualities from the lowest to the highest setting, and BD-rate in percent "
      "against each rival on this picture alone (-: the curves overlap too little).",
      TextTable(columns)};
  for (const auto& [image, rows] : by_image) {
    const std::vector<Curve> curves = mean_curves(rows);
    const auto own =
        std::find_if(curves.begin(), curves.end(), [&](const Curve& c) { return c.key == mine; });
    if (own == curves.end()) continue;
    std::vector<std::string> cells{
        image, fmt::format("{:.3f}-{:.3f}", own->points.front().bpp, own->points.back().bpp),
        fmt::format("{:.2f}-{:.2f}", own->points.front().psnr, own->points.back().psnr)};
    for (const CurveKey& rival : rivals) {
      const Result<BdValue> bd = bd_rate_between(rows, rival, mine, kReportInterpolation);
      cells.push_back(bd ? fmt::format("{:+.1f}", bd->value) : "-");
    }
    section.table.add(std::move(cells));
  }
  return section.table.empty() ? std::string() : section_of(section);
}

std::string samples(const std::vector<SampleCrop>& crops) {
  if (crops.empty()) return {};
  std::string out =
      "<h2>To look at</h2>\n<p class=\"soft\">The most detailed part of some pictures, top layer, each "
      "codec at the "
      "setting whose rate is nearest to our middle one (in simulcast and single files: this layer's file "
      "alone). "
      "Mind the rates: they are near, not equal.</p>\n";
  std::string image;
  for (const SampleCrop& crop : crops) {
    if (crop.image != image) {
      if (!image.empty()) out += "</div>\n";
      image = crop.image;
      out += fmt::format("<h3>{}</h3>\n<div class=\"samples\">\n", escaped(image));
    }
    const std::string caption =
        crop.setting.empty() ? std::string("as it is")
                             : fmt::format("at {}: {:.3f} bpp, {:.2f} dB", crop.setting, crop.bpp, crop.psnr);
    out += fmt::format(
        "<figure><img alt=\"{0}, {1}\" src=\"data:image/png;base64,{2}\"><figcaption><b>{1}</b>{3}"
        "</figcaption></figure>\n",
        escaped(crop.image), escaped(crop.label), base64(crop.png), escaped(caption));
  }
  return out + "</div>\n";
}

std::string facts_of(const Results& results) {
  std::string out = "<h2>How it was measured</h2>\n<dl>\n";
  for (const auto& [key, value] : results.facts) {
    const bool command = key.starts_with("how: ");
    out += fmt::format("<dt>{}</dt><dd>{}{}{}</dd>\n", escaped(key), command ? "<code>" : "", escaped(value),
                       command ? "</code>" : "");
  }
  return out + "</dl>\n";
}

}  // namespace

std::string base64(const std::vector<uint8_t>& bytes) {
  static constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = 0;
    for (size_t k = 0; k < 3; ++k) word = word << 8 | (k < left ? bytes[i + k] : 0U);
    for (size_t k = 0; k < 4; ++k) out += k <= left ? kDigits[word >> (18 - 6 * k) & 63U] : '=';
  }
  return out;
}

std::string html_report(const Results& results, const std::vector<SampleCrop>& crops) {
  std::string body = head(results);
  if (!results.rows.empty()) {
    const Results own = without_small_systems(results), small = small_systems(results);
    body += cards(own);
    if (!own.rows.empty()) body += rd_charts(own, "Rate and distortion");
    if (!small.rows.empty()) body += rd_charts(small, "Small systems: rate and distortion");
    for (const Section& section : sections(results)) {
      const bool long_list = section.table.rows().size() > 40;
      body += long_list ? fmt::format("<details><summary>{}</summary><div>{}</div></details>\n",
                                      escaped(section.title), section_of(section))
                        : section_of(section);
    }
    body += per_image(own, main_layout(own));
    body += samples(crops);
  } else {
    for (const Section& section : sections(results)) body += section_of(section);
  }
  body += facts_of(results);
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width, initial-scale=1\">\n<title>COMPASS: where we "
      "stand</title>\n<style>{}</style>\n"
      "</head>\n<body>\n<main>\n{}</main>\n<div id=\"tip\"></div>\n<script>{}</script>\n</body>\n</html>\n",
      kReportStyle, body, kReportScript);
}

}  // namespace compass::eval
