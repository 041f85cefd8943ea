#include "eval/html_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "eval/anchors.h"
#include "eval/beside_paper.h"
#include "eval/chart.h"
#include "eval/curve_cost.h"
#include "eval/html_style.h"
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

bool ours(const std::string& codec) {
  return codec == "compass";
}

std::string hover_text(const std::string& label, const CurvePoint& p) {
  std::string text = fmt::format("{}\nsetting {}\n{:.4f} bpp, {:.3f} dB", label, p.setting, p.bpp, p.psnr);
  if (p.ms_ssim) text += fmt::format("\nMS-SSIM {:.5f}", *p.ms_ssim);
  return text;
}

std::string css_class(const Colours& colours, const std::string& codec, const char* scheme) {
  std::string text = fmt::format("k{}", colours.of(codec));
  if (ours(codec)) text += " ours";
  if (std::string(scheme) == kSingle) text += " quoted";  // dashed: not the same job
  return text;
}

// ---- sections ----

std::string head(const Results& results) {
  const auto fact = [&](const char* name) {
    const auto found = results.facts.find(name);
    return found == results.facts.end() ? std::string("not stated") : found->second;
  };
  std::set<std::string> images;
  for (const Row& r : results.rows) images.insert(r.image);
  return fmt::format(
      "<h1>COMPASS: where we stand</h1>\n<p class=\"soft\">{} pictures, grid {}. Model {}. Commit {}. "
      "{}. Cost: {}.</p>\n",
      images.size(), escaped(fact("grid")), escaped(fact("model")), escaped(fact("commit")),
      escaped(fact("machine")), escaped(fact("complexity")));
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

// RD charts of every layer of the main layout, and MS-SSIM of the top one.
std::string charts(const Results& results, const Colours& colours, const std::string& title) {
  const std::string layout = main_layout(results);
  const int layers = layer_count(results, layout);
  const std::vector<Curve> curves = mean_curves(results.rows);
  std::string svgs;
  std::map<std::string, std::pair<std::string, std::string>> legend;  // sort key -> label, class
  for (int layer = layers; layer >= 0; --layer) {
    const bool similarity = layer == layers;  // one chart more than there are layers, shown last
    const int shown = similarity ? layers - 1 : layer;
    std::vector<ChartSeries> series;
    for (const Curve& c : curves) {
      if (c.key.layout != layout || c.key.layer != shown) continue;
      ChartSeries s{
          label_of(c.key.codec, c.key.scheme), css_class(colours, c.key.codec, c.key.scheme.c_str()), {}};
      for (const CurvePoint& p : c.points) {
        if (similarity && !p.ms_ssim) continue;
        s.points.push_back({p.bpp, similarity ? ms_ssim_db(*p.ms_ssim) : p.psnr, hover_text(s.label, p)});
      }
      legend[(ours(c.key.codec) ? "0" : "1") + s.label] = {s.label, s.css_class};
      series.push_back(std::move(s));
    }
    if (shown == layers - 1 && is_kodak(results)) {
      ChartSeries s{"mean-scale, published", "k2 quoted", {}};
      const Result<CsvTable> table = anchor_table("mbt2018_mean_published");
      for (const RdPoint& p : published_single_layer().rd) {
        if (!similarity) {
          s.points.push_back(
              {p.rate, p.quality, fmt::format("{}\n{:.4f} bpp, {:.3f} dB", s.label, p.rate, p.quality)});
        }
      }
      if (similarity && table) {
        for (const auto& row : table->rows) {
          const Result<double> rate = parse_number(row[table->column("bpp")]);
          const Result<double> value = parse_number(row[table->column("ms_ssim_rgb")]);
          if (rate && value) {
            s.points.push_back(
                {*rate, ms_ssim_db(*value), fmt::format("{}\n{:.4f} bpp, {:.5f}", s.label, *rate, *value)});
          }
        }
      }
      legend["2" + s.label] = {s.label, s.css_class};
      series.push_back(std::move(s));
    }
    const std::string name = shown == 0 && layers > 1 ? "Base layer"
                             : shown == layers - 1    ? "Top layer"
                                                      : fmt::format("Enhancement layer {}", shown);
    const std::string svg = svg_chart(
        {name, "bits per pixel of the layer, everything up to it", similarity ? "MS-SSIM, dB" : "PSNR, dB"},
        series);
    if (svg.empty()) continue;
    const std::string panel = fmt::format("<div class=\"panel\">{}</div>\n", svg);
    svgs = similarity ? panel : panel + svgs;
    if (similarity) continue;
  }
  // The loop ran from the similarity chart down to the base layer: base first, similarity last.
  std::string buttons;
  for (const auto& [order, entry] : legend) {
    const auto& [label, classes] = entry;
    const std::string colour = classes.substr(1, classes.find(' ') - 1);
    buttons += fmt::format(
        "<button type=\"button\" class=\"{}\" style=\"--mark:var(--c{})\" data-series=\"{}\" "
        "aria-pressed=\"true\">{}</button>\n",
        classes.find("quoted") != std::string::npos ? "quoted" : "", colour, escaped(label), escaped(label));
  }
  return fmt::format(
      "<h2>{}, layers {}</h2>\n<p class=\"soft\">Means over the pictures. Rest on a point "
      "for its "
      "values; click a name to hide its curves. Dotted: a single layer alone, which does not hold the "
      "smaller "
      "sizes.</p>\n<div class=\"legend\">{}</div>\n<div class=\"charts\">{}</div>\n",
      escaped(title), escaped(layout), buttons, svgs);
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
    if (!ours(r.codec) && std::find(rivals.begin(), rivals.end(), key) == rivals.end()) rivals.push_back(key);
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
    if (!own.rows.empty()) body += charts(own, Colours(own), "Rate and distortion");
    if (!small.rows.empty()) body += charts(small, Colours(small), "Small systems: rate and distortion");
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
