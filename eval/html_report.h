// The report as one HTML file that needs nothing else.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "eval/results.h"

namespace compass::eval {

// A small part of a decoded picture, shown in the report.
struct SampleCrop {
  std::string image;
  std::string label;  // codec and scheme; "original" for the original
  std::string setting;
  double bpp = 0;   // of the whole picture, everything up to the top layer
  double psnr = 0;  // of the whole picture
  std::vector<uint8_t> png;
};

// Curves with hover values, deltas, pictures, costs, failures; light or dark as the reader's system is.
std::string html_report(const Results& results, const std::vector<SampleCrop>& crops);

std::string base64(const std::vector<uint8_t>& bytes);

}  // namespace compass::eval
