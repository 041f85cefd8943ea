// Rate-distortion curves from CSV files of any origin.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "eval/bdrate.h"
#include "eval/csv.h"

namespace compass::eval {

struct CurveColumns {
  std::string rate;     // empty: the first of bpp, bpp_total, sum_bpp_over_fullres, rate, bitrate, kbps
  std::string quality;  // empty: the first of psnr, psnr_rgb, psnr_db, psnr_full, psnr_el2, quality
  std::vector<std::string> only;  // "column=value": rows that hold it
};

// The curve in a table. Where there are columns "image" and "setting" (results of compass-lab eval), points
// are means over pictures per setting. Errors: kUsage (no such column, naming those there are), kBadFile.
Result<RdCurve> curve_from(const CsvTable& table, const CurveColumns& columns, const std::string& name);

}  // namespace compass::eval
