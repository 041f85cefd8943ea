// Rate-distortion curves of every layout as SVG files of their own, the paper's figures: kilobits of a
// picture, all layers up to the top one, against PSNR of the top layer.
#pragma once

#include <string>
#include <vector>

#include "eval/results.h"

namespace compass::eval {

struct Figure {
  std::string name;  // of the layout, as a file name without its end: "x1.0_x2.0_x4.0"; "_small" after it if
                     // it is of small systems
  std::string svg;   // a whole document: needs no style sheet
};

std::vector<Figure> figures(const Results& results);

}  // namespace compass::eval
