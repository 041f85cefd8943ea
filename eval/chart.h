// Rate-distortion curves as inline SVG.
#pragma once

#include <string>
#include <vector>

namespace compass::eval {

struct ChartPoint {
  double x = 0;
  double y = 0;
  std::string hover;  // what is shown when the pointer rests on it
};

struct ChartSeries {
  std::string label;
  std::string css_class;  // carries the colour: the style sheet knows light and dark
  std::vector<ChartPoint> points;
};

struct ChartAxes {
  std::string title;
  std::string x_label;
  std::string y_label;
};

// An <svg> of 480x360 units that scales with its box: logarithmic x, linear y, a curve with dots per series.
// Points with x <= 0 or values that are not finite are left out. Empty string if nothing is left.
std::string svg_chart(const ChartAxes& axes, const std::vector<ChartSeries>& series);

// Round values between low and high (low < high), about `count` of them: steps of 1, 2 or 5 times a power of
// ten.
std::vector<double> linear_ticks(double low, double high, int count);
// 1, 2 and 5 times powers of ten inside [low, high]; 1, 1.5, 2, 3, 5 and 7 where that is less than 12 to 1.
std::vector<double> log_ticks(double low, double high);

// Text with &, <, > and quotes escaped.
std::string escaped(const std::string& text);

}  // namespace compass::eval
