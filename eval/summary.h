// What the measurements say, as tables: made once, shown on the terminal, in Markdown and in HTML.
#pragma once

#include <string>
#include <vector>

#include "eval/results.h"
#include "eval/text_table.h"

namespace compass::eval {

struct Section {
  std::string title;
  std::string text;  // what the table shows and how to read it; may be empty
  TextTable table;
};

// Every delta in the report is piecewise cubic over the mean curves unless it says otherwise.
inline constexpr Interpolation kReportInterpolation = Interpolation::kPchip;

// The layout the headline is about: 1/4, 1/2, 1 if it was measured, else the first. Empty if there are no
// rows.
std::string main_layout(const Results& results);

// The layers of a layout in the results; 0 if it is absent.
int layer_count(const Results& results, const std::string& layout);

// "compass, one stream"; simulcast of our base codec is named as the paper names it.
std::string label_of(const std::string& codec, const std::string& scheme);

// Whether these are the 24 Kodak pictures at full resolution, which the quoted figures are about.
bool is_kodak(const Results& results);

// Top layer: BD-rate against the published single-layer curve, cost beside it. Quoted peers among the
// measured, by rising BD-rate, where the pictures are Kodak.
Section headline(const Results& results);

// Every point of one codec's curves: rate and quality of each layer of a layout.
Section points(const Results& results, const std::string& codec, const std::string& scheme,
               const std::string& layout);

// Rate and quality of the small systems' top layers, where they stand against the published curve.
Section small_systems_points(const Results& small);

// BD-rate of each row's codec against each column's, on the top layer of a layout.
Section matrix(const Results& results, const std::string& layout);

// Our codec by number of layers.
Section by_layers(const Results& results);

// What LIFF is worth: our codec against itself with bicubic prediction, by layout.
Section liff_gain(const Results& results);

// What codecs whose lower layers are other pictures than ours could reach with all the bits, by layer.
Section ceilings(const Results& results);

// What was asked for and is not there; empty table if nothing.
Section missing(const Results& results);

// All of these that are not empty.
std::vector<Section> sections(const Results& results);

}  // namespace compass::eval
