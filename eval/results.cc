#include "eval/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <tuple>

#include "eval/csv.h"

namespace compass::eval {
namespace {

const std::vector<std::string> kColumns{
    "image",    "codec",    "scheme",          "layout",          "setting",    "layer",       "layers",
    "width",    "height",   "bytes",           "bytes_total",     "bpp",        "psnr_db",     "ms_ssim",
    "encode_s", "decode_s", "encode_peak_kib", "decode_peak_kib", "ssimulacra", "ssimulacra2", "butteraugli"};
constexpr size_t kFirstPerceptual = 18;  // of these columns, in the order of kPerceptualMetrics

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 32) c = ' ';
  }
  return text;
}

template <typename T>
bool parse_integer(const std::string& field, T& value) {
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  return error == std::errc() && end == field.data() + field.size();
}

// The "# key: value" lines before the header.
void parse_facts(const std::string& text, Results& out) {
  for (size_t at = 0; at < text.size() && text[at] == '#';) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at + 1, end - at - 1);
    at = end + 1;
    const size_t begin = line.find_first_not_of(' ');
    // Keys may hold ": " themselves ("how: jxl"), so values are what follows " = ".
    const size_t split = line.find(" = ");
    if (begin == std::string::npos || split == std::string::npos) continue;
    const std::string key = line.substr(begin, split - begin);
    const std::string value = line.substr(split + 3);
    if (key == "failed") {
      const size_t bar = value.find(" | ");
      if (bar != std::string::npos) out.failures.push_back({value.substr(0, bar), value.substr(bar + 3)});
    } else {
      out.facts[key] = value;
    }
  }
}

}  // namespace

std::string to_csv(const Results& results) {
  std::string text;
  for (const auto& [key, value] : results.facts) text += fmt::format("# {} = {}\n", key, one_line(value));
  for (const Failure& f : results.failures) {
    text += fmt::format("# failed = {} | {}\n", one_line(f.what), one_line(f.why));
  }
  text += csv_line(kColumns);
  for (const Row& r : results.rows) {
    std::vector<std::string> fields{r.image,
                                    r.codec,
                                    r.scheme,
                                    r.layout,
                                    r.setting,
                                    std::to_string(r.layer),
                                    std::to_string(r.layers),
                                    std::to_string(r.width),
                                    std::to_string(r.height),
                                    std::to_string(r.bytes),
                                    std::to_string(r.bytes_total),
                                    fmt::format("{:.6f}", r.bpp()),
                                    fmt::format("{:.5f}", r.psnr),
                                    r.ms_ssim ? fmt::format("{:.7f}", *r.ms_ssim) : "",
                                    fmt::format("{:.5f}", r.encode_seconds),
                                    fmt::format("{:.5f}", r.decode_seconds),
                                    std::to_string(r.encode_peak_kib),
                                    std::to_string(r.decode_peak_kib)};
    for (const PerceptualMetric& metric : kPerceptualMetrics) {
      const auto& value = r.seen.*metric.value;
      fields.push_back(value ? fmt::format("{:.7f}", *value) : "");
    }
    text += csv_line(fields);
  }
  return text;
}

Result<Results> results_from_csv(const std::string& text, const std::string& name) {
  const Result<CsvTable> table = parse_csv(text, name);
  if (!table) return table.error();
  if (table->columns != kColumns) {
    return Error{ErrorCode::kBadFile,
                 fmt::format("{}: not results of compass-lab eval (other columns)", name)};
  }
  Results out;
  parse_facts(text, out);
  for (const std::vector<std::string>& f : table->rows) {
    Row r{.image = f[0], .codec = f[1], .scheme = f[2], .layout = f[3], .setting = f[4]};
    const Result<double> psnr = f[12] == "inf" ? Result<double>(HUGE_VAL) : parse_number(f[12]);
    const Result<double> encode = parse_number(f[14]);
    const Result<double> decode = parse_number(f[15]);
    bool good = parse_integer(f[5], r.layer) && parse_integer(f[6], r.layers) &&
                parse_integer(f[7], r.width) && parse_integer(f[8], r.height) &&
                parse_integer(f[9], r.bytes) && parse_integer(f[10], r.bytes_total) &&
                parse_integer(f[16], r.encode_peak_kib) && parse_integer(f[17], r.decode_peak_kib) && psnr &&
                encode && decode && r.width > 0 && r.height > 0;
    const auto optional = [&](const std::string& field, std::optional<double>& value) {
      if (field.empty()) return;
      const Result<double> parsed = parse_number(field);
      good = good && parsed;
      if (parsed) value = *parsed;
    };
    optional(f[13], r.ms_ssim);
    for (size_t i = 0; i < kPerceptualMetrics.size(); ++i) {
      optional(f[kFirstPerceptual + i], r.seen.*kPerceptualMetrics[i].value);
    }
    if (!good) {
      return Error{ErrorCode::kBadFile,
                   fmt::format("{}: a row of {} at {} for {} holds something that is no number", name,
                               r.codec, r.setting, r.image)};
    }
    r.psnr = *psnr;
    r.encode_seconds = *encode;
    r.decode_seconds = *decode;
    out.rows.push_back(std::move(r));
  }
  return out;
}

Status add_results(Results& results, Results more, const std::string& name) {
  std::set<std::string> images, other_images;
  std::set<std::tuple<std::string, std::string, std::string>> measured;
  for (const Row& r : results.rows) {
    images.insert(r.image);
    measured.insert({r.codec, r.scheme, r.layout});
  }
  for (const Row& r : more.rows) {
    other_images.insert(r.image);
    if (measured.contains({r.codec, r.scheme, r.layout})) {
      return Error{ErrorCode::kUsage,
                   fmt::format("{}: {} ({}) with layers {} is measured in another of these files", name,
                               r.codec, r.scheme, r.layout)};
    }
  }
  if (images != other_images) return Error{ErrorCode::kUsage, name + ": measured on other pictures"};
  for (auto& [key, fact] : more.facts) {
    std::string& known = results.facts[key];
    if (known != fact) known += known.empty() ? fact : "; " + fact;
  }
  results.rows.insert(results.rows.end(), std::make_move_iterator(more.rows.begin()),
                      std::make_move_iterator(more.rows.end()));
  results.failures.insert(results.failures.end(), more.failures.begin(), more.failures.end());
  return {};
}

RdCurve Curve::rd() const {
  RdCurve out;
  for (const CurvePoint& p : points) out.push_back({p.bpp, p.psnr});
  return out;
}

std::vector<Curve> mean_curves(const std::vector<Row>& rows, const std::set<std::string>* images) {
  // curve -> setting -> picture -> row
  std::map<CurveKey, std::map<std::string, std::map<std::string, const Row*>>> groups;
  for (const Row& r : rows) {
    if (r.scheme == kCeiling || (images != nullptr && !images->contains(r.image))) continue;
    groups[{r.codec, r.scheme, r.layout, r.layer}][r.setting][r.image] = &r;
  }
  std::vector<Curve> curves;
  for (const auto& [key, settings] : groups) {
    Curve curve{key, {}, {}};
    for (const auto& first : settings.begin()->second) {
      const std::string& image = first.first;
      const bool everywhere = std::all_of(settings.begin(), settings.end(),
                                          [&](const auto& s) { return s.second.contains(image); });
      if (everywhere) curve.images.insert(image);
    }
    if (curve.images.empty()) continue;
    const auto count = static_cast<double>(curve.images.size());
    for (const auto& [setting, by_image] : settings) {
      CurvePoint p{.setting = setting};
      const auto mean = [&, &pictures = by_image](auto value_of) -> std::optional<double> {
        double sum = 0;
        for (const std::string& image : curve.images) {
          const std::optional<double> value = value_of(*pictures.at(image));
          if (!value) return std::nullopt;
          sum += *value / count;
        }
        return sum;
      };
      p.ms_ssim = mean([](const Row& r) { return r.ms_ssim; });
      for (const PerceptualMetric& metric : kPerceptualMetrics) {
        p.seen.*metric.value = mean([&](const Row& r) { return r.seen.*metric.value; });
      }
      for (const std::string& image : curve.images) {
        const Row& r = *by_image.at(image);
        p.bpp += r.bpp() / count;
        p.psnr += r.psnr / count;
        p.encode_seconds_per_mp += r.encode_seconds / r.pixels() * 1e6 / count;
        p.decode_seconds_per_mp += r.decode_seconds / r.pixels() * 1e6 / count;
        p.encode_peak_kib = std::max(p.encode_peak_kib, r.encode_peak_kib);
        p.decode_peak_kib = std::max(p.decode_peak_kib, r.decode_peak_kib);
      }
      curve.points.push_back(std::move(p));
    }
    std::sort(curve.points.begin(), curve.points.end(),
              [](const CurvePoint& a, const CurvePoint& b) { return a.bpp < b.bpp; });
    curves.push_back(std::move(curve));
  }
  return curves;
}

Result<BdValue> bd_rate_between(const std::vector<Row>& rows, const CurveKey& anchor, const CurveKey& test,
                                Interpolation interpolation) {
  std::vector<Row> wanted;
  for (const Row& r : rows) {
    const auto of = [&](const CurveKey& key) {
      return r.layer == key.layer && r.layout == key.layout && r.codec == key.codec && r.scheme == key.scheme;
    };
    if (of(anchor) || of(test)) wanted.push_back(r);
  }
  const auto find = [](const std::vector<Curve>& curves, const CurveKey& key) {
    return std::find_if(curves.begin(), curves.end(), [&](const Curve& c) { return c.key == key; });
  };
  const std::vector<Curve> own = mean_curves(wanted);
  const auto a = find(own, anchor);
  const auto t = find(own, test);
  if (a == own.end() || t == own.end()) return Error{ErrorCode::kUsage, kNotMeasured};
  std::set<std::string> common;
  std::set_intersection(a->images.begin(), a->images.end(), t->images.begin(), t->images.end(),
                        std::inserter(common, common.end()));
  if (common.empty()) return Error{ErrorCode::kUsage, "no picture has both"};
  const std::vector<Curve> shared = mean_curves(wanted, &common);
  const auto sa = find(shared, anchor);
  const auto st = find(shared, test);
  return bd_rate(sa->rd(), st->rd(), interpolation);
}

}  // namespace compass::eval
