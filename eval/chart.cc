#include "eval/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace compass::eval {
namespace {

constexpr double kWidth = 480;
constexpr double kHeight = 360;
constexpr double kLeft = 46;
constexpr double kRight = 12;
constexpr double kTop = 30;
constexpr double kBottom = 42;

bool usable(const ChartPoint& p) {
  return p.x > 0 && std::isfinite(p.x) && std::isfinite(p.y);
}

}  // namespace

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::vector<double> linear_ticks(double low, double high, int count) {
  const double raw = (high - low) / std::max(1, count);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double interval = 10 * power;
  for (const double nice : {1.0, 2.0, 5.0}) {
    if (raw <= nice * power) {
      interval = nice * power;
      break;
    }
  }
  std::vector<double> ticks;
  for (double k = std::ceil(low / interval - 1e-9); k * interval <= high + 1e-9 * interval; ++k)
    ticks.push_back(k * interval);
  return ticks;
}

std::vector<double> log_ticks(double low, double high) {
  std::vector<double> ticks;
  for (int power = static_cast<int>(std::floor(std::log10(low))); power <= std::log10(high); ++power) {
    for (const double nice :
         high / low > 12 ? std::vector<double>{1, 2, 5} : std::vector<double>{1, 1.5, 2, 3, 5, 7}) {
      const double tick = nice * std::pow(10, power);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push_back(tick);
    }
  }
  return ticks;
}

std::string svg_chart(const ChartAxes& axes, const std::vector<ChartSeries>& series) {
  double x_low = HUGE_VAL;
  double x_high = 0;
  double y_low = HUGE_VAL;
  double y_high = -HUGE_VAL;
  for (const ChartSeries& s : series) {
    for (const ChartPoint& p : s.points) {
      if (!usable(p)) continue;
      x_low = std::min(x_low, p.x);
      x_high = std::max(x_high, p.x);
      y_low = std::min(y_low, p.y);
      y_high = std::max(y_high, p.y);
    }
  }
  if (x_high == 0) return {};
  // Room around the points, and never an empty range.
  x_low /= 1.12;
  x_high *= 1.12;
  const double room = std::max(0.05 * (y_high - y_low), 1e-3 * std::max(1.0, std::abs(y_high)));
  y_low -= room;
  y_high += room;
  const auto px = [&](double x) {
    return kLeft + (kWidth - kLeft - kRight) * std::log(x / x_low) / std::log(x_high / x_low);
  };
  const auto py = [&](double y) {
    return kHeight - kBottom - (kHeight - kTop - kBottom) * (y - y_low) / (y_high - y_low);
  };

  std::string out = fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">\n"
      "<text class=\"chart-title\" x=\"{}\" y=\"18\">{}</text>\n",
      kWidth, kHeight, escaped(axes.title), kLeft, escaped(axes.title));
  for (const double t : linear_ticks(y_low, y_high, 6)) {
    out += fmt::format("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft,
                       kWidth - kRight, py(t), py(t));
    out += fmt::format("<text class=\"tick\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{:g}</text>\n",
                       kLeft - 6, py(t) + 4, std::abs(t) < 1e-12 ? 0.0 : t);
  }
  for (const double t : log_ticks(x_low, x_high)) {
    out += fmt::format("<line class=\"grid\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\"/>", px(t), px(t),
                       kTop, kHeight - kBottom);
    out += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:g}</text>\n",
                       px(t), kHeight - kBottom + 16, t);
  }
  out += fmt::format("<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
                     (kLeft + kWidth - kRight) / 2, kHeight - 6, escaped(axes.x_label));
  out += fmt::format("<text class=\"axis\" x=\"{}\" y=\"18\" text-anchor=\"end\">{}</text>\n",
                     kWidth - kRight, escaped(axes.y_label));

  for (const ChartSeries& s : series) {
    std::string path;
    std::string dots;
    for (const ChartPoint& p : s.points) {
      if (!usable(p)) continue;
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : "L", px(p.x), py(p.y));
      dots += fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.2\" data-tip=\"{}\"><title>{}</title></circle>", px(p.x),
          py(p.y), escaped(p.hover), escaped(p.hover));
    }
    if (path.empty()) continue;
    out += fmt::format("<g class=\"series {}\" data-series=\"{}\"><path d=\"{}\"/>{}</g>\n", s.css_class,
                       escaped(s.label), path, dots);
  }
  return out + "</svg>\n";
}

}  // namespace compass::eval
