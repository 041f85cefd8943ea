#include "plot.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <map>
#include <sstream>
#include <vector>

#include "eval/chart.h"

namespace compass::train {
namespace {

constexpr size_t kLossPoints = 60;  // a curve of more is only noise
constexpr int kPlace = 500;         // pixels from a chart to the next
constexpr size_t kValidations = 6;  // shown, spread over the run, the last among them

using Record = std::map<std::string, std::string>;

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> out;
  std::istringstream in(line);
  for (std::string cell; std::getline(in, cell, ',');) out.push_back(cell);
  return out;
}

// Forgiving, unlike eval/csv.h: a run that was killed may have left half a line.
std::vector<Record> read_csv(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::vector<Record> records;
  if (!std::getline(file, line)) return records;
  const auto head = cells(line);
  while (std::getline(file, line)) {
    const auto values = cells(line);
    Record r;
    for (size_t i = 0; i < values.size() && i < head.size(); ++i) r[head[i]] = values[i];
    records.push_back(std::move(r));
  }
  return records;
}

std::string field(const Record& record, const std::string& key) {
  const auto found = record.find(key);
  return found == record.end() ? "" : found->second;
}

double number(const Record& record, const std::string& key) {
  const std::string value = field(record, key);
  return value.empty() ? std::nan("") : std::stod(value);
}

// The top layer's PSNR: the last layer that has one.
double top_psnr(const Record& record) {
  double db = std::nan("");
  for (const char* key : {"psnr0", "psnr1", "psnr2"}) {
    if (const double v = number(record, key); std::isfinite(v)) db = v;
  }
  return db;
}

std::string text(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

// A series per stage, means over equal shares of the run.
std::vector<eval::ChartSeries> loss_curves(const std::vector<Record>& log) {
  std::vector<eval::ChartSeries> series;
  const size_t share = (log.size() + kLossPoints - 1) / kLossPoints;
  for (size_t i = 0; i < log.size();) {
    const std::string stage = field(log[i], "stage");
    double loss = 0.0;
    size_t n = 0;
    for (; n < share && i < log.size() && field(log[i], "stage") == stage; ++n, ++i)
      loss += number(log[i], "loss");
    if (series.empty() || series.back().label != stage) {
      series.push_back({stage, "k" + std::to_string(series.size() % 6), {}});
    }
    const double mean = loss / static_cast<double>(n), hours = number(log[i - 1], "seconds") / 3600.0;
    series.back().points.push_back({hours, mean, stage + ", " + text(hours, 2) + " h: " + text(mean, 3)});
  }
  return series;
}

std::vector<eval::ChartSeries> rate_curves(const std::vector<Record>& validation) {
  std::vector<eval::ChartSeries> all;
  std::string at;
  for (const auto& record : validation) {
    if (all.empty() || field(record, "global_step") != at) {
      at = field(record, "global_step");
      all.push_back({"after " + text(number(record, "seconds") / 3600.0, 2) + " h", "", {}});
    }
    const double bpp = number(record, "total_bpp"), db = top_psnr(record);
    all.back().points.push_back(
        {bpp, db, all.back().label + ": " + text(bpp, 3) + " bpp, " + text(db, 2) + " dB"});
  }
  std::vector<eval::ChartSeries> shown;
  const size_t count = std::min(all.size(), kValidations);
  for (size_t i = 0; i < count; ++i) {
    shown.push_back(all[count == 1 ? all.size() - 1 : i * (all.size() - 1) / (count - 1)]);
    shown.back().css_class = "v" + std::to_string(kValidations - count + i);
  }
  return shown;
}

// Charts scale with their box: gives one a place.
std::string placed(std::string chart, int x) {
  const std::string open = "<svg class=\"chart\"";
  return chart.replace(0, open.size(),
                       open + " x=\"" + std::to_string(x) + "\" y=\"0\" width=\"480\" height=\"360\"");
}

constexpr const char* kStyle = R"(<style>
svg { background: #fff; color: #1c2733; font: 12px system-ui, sans-serif; }
.chart-title { font-weight: 600; font-size: 13px; fill: currentColor; }
.tick, .axis { fill: #5b6875; font-size: 11px; } .grid { stroke: #e3e8ed; }
.series path { fill: none; stroke: currentColor; stroke-width: 2; } .series circle { fill: currentColor; }
.k0 { color: #0b5fa5; } .k1 { color: #d1661c; } .k2 { color: #0e8a6a; } .k3 { color: #b0327b; } .k4 { color: #6a4fc3; }
.k5 { color: #a07a00; }
.v0, .v1, .v2, .v3, .v4, .v5 { color: #0b5fa5; }
.v0 { opacity: .2; } .v1 { opacity: .3; } .v2 { opacity: .4; } .v3 { opacity: .55; } .v4 { opacity: .75; }
</style>
)";

}  // namespace

std::string plot_run(const std::string& folder) {
  const auto log = read_csv(folder + "/log.csv");
  TORCH_CHECK(!log.empty(), folder, "/log.csv: no steps are logged there");
  std::map<std::string, std::vector<Record>> kinds;
  for (const Record& record : read_csv(folder + "/validation.csv"))
    kinds[field(record, "kind")].push_back(record);
  const std::string width = std::to_string(kPlace * (1 + static_cast<int>(kinds.size())) - 20);
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " 360\" width=\"" +
                    width + "\" height=\"360\">\n";
  out += kStyle;
  out += placed(eval::svg_chart({"Loss", "hours of training", "R + \u03bbD, weighted"}, loss_curves(log)), 0);
  int place = 0;
  for (const auto& [kind, records] : kinds) {
    const std::string title = "Held-back " + (kind.empty() ? "pictures" : kind) + ", top layer";
    out += placed(eval::svg_chart({title, "bits per pixel, all layers", "PSNR, dB"}, rate_curves(records)),
                  kPlace * ++place);
  }
  return out + "</svg>\n";
}

}  // namespace compass::train
