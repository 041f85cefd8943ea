// Published figures to compare with: the paper's, and other codecs' measured beforehand. The files, with
// their sources, are eval/anchors/*.csv.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/result.h"
#include "eval/bdrate.h"
#include "eval/csv.h"
#include "eval/grid.h"

namespace compass::eval {

// The files' texts by name without ".csv"; made from them at build time.
const std::map<std::string, std::string>& anchor_texts();

// One of the files. Errors: kUsage (no such file).
Result<CsvTable> anchor_table(const std::string& name);

// A curve we quote, over the pixels of the full resolution on Kodak.
struct QuotedCurve {
  std::string label;
  std::string scheme;  // as in results.h
  RdCurve rd;
};

// The single-layer mean-scale hyperprior: the curve all headline figures refer to.
QuotedCurve published_single_layer();

// Peers: three layers (1/4, 1/2, 1) in one stream or as simulcast, and single pictures.
std::vector<QuotedCurve> quoted_peers();

// SHVC's of the layers 1/4, 1/2, 1, each over its own pixels: layer 0 is the lowest.
QuotedCurve quoted_shvc(int layer);

// One cell of the paper's tables: BD-rate of COMPASS against a method.
struct PaperCell {
  std::string table;  // "poster", "suppl. 6", ...
  Layout layout;
  int layer = 0;  // measured, 0 is the lowest
  std::string method;
  double bd_rate = 0;  // percent
};

// All cells on Kodak, the poster's first.
std::vector<PaperCell> paper_cells();

}  // namespace compass::eval
