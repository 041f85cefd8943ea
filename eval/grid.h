// What is measured: which layers, at which sizes, at which qualities.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "core/size.h"

namespace compass::eval {

// One arrangement of layers.
struct Layout {
  std::string name;            // as in tables and CSV, e.g. "1/4 1/2 1"
  std::vector<double> scales;  // of the picture's sides, lowest first, each in (0,1] and rising
  bool operator==(const Layout&) const = default;
};

struct Grid {
  std::string name;
  std::vector<Layout> layouts;
  std::vector<std::string> qualities;  // of our codec, lowest first
  std::vector<double> lambdas;         // or the lambdas that qualities are wanted for
  std::map<std::string, std::vector<std::string>>
      settings;  // of others by name; absent: the codec's own list
};

// Each side is max(1, trunc(scale * side)), as the reference's evaluation truncates; a scale of 1 is the
// side.
std::vector<Size> layout_sizes(const Layout& layout, Size picture);

// Layers given as the paper gives them: factors of the base layer (the first is 1). The base layer is a
// quarter of the picture, or less where the top factor is above 4, so that the top layer is never above the
// picture.
Layout layout_from_factors(const std::vector<double>& factors);

// `layers` sizes from a quarter of the picture to the whole, in equal ratios.
Layout even_layout(int layers);

// "quick": 1/4, 1/2, 1 at nine qualities. "paper": every experiment of the paper, named below, at its four
// lambdas.
// Anything else is the path of a JSON file:
//   {"layouts": [[0.25, 0.5, 1], ...], "qualities": [0, 50, 100], "settings": {"jxl": ["5", "2"]}}
// with layouts as scales of the picture; "qualities" and "settings" may be left out. Errors: kUsage,
// kBadFile.
Result<Grid> load_grid(const std::string& name_or_path);

// The qualities, in tenths, of rising lambdas on an axis of rate points (model_file/description.h). What is
// beyond the axis counts as its end.
std::vector<std::string> qualities_at(const std::vector<double>& rate_points,
                                      const std::vector<double>& lambdas);

// The paper's experiments, as layouts of the "paper" grid.
Layout paper_two_layers(double top);  // top at 1.2, 1.6, 2.0, 2.4, 2.8 times the base layer
Layout paper_three_layers(double middle,
                          double top);  // middle 2.0, top 2.4 ... 4.0, and 4.5 ... 6 beyond training
std::vector<Layout> paper_layouts();

}  // namespace compass::eval
