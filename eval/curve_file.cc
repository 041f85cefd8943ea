#include "eval/curve_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

namespace compass::eval {
namespace {

Result<int> find_column(const CsvTable& table, const std::string& wanted,
                        const std::vector<const char*>& usual, const std::string& name) {
  if (!wanted.empty()) {
    if (const int c = table.column(wanted); c >= 0) return c;
    return Error{ErrorCode::kUsage, fmt::format("{}: no column '{}'; there are: {}", name, wanted,
                                                fmt::join(table.columns, ", "))};
  }
  for (const char* candidate : usual) {
    if (const int c = table.column(candidate); c >= 0) return c;
  }
  return Error{ErrorCode::kUsage, fmt::format("{}: none of the columns {} is there; name one of: {}", name,
                                              fmt::join(usual, ", "), fmt::join(table.columns, ", "))};
}

}  // namespace

Result<RdCurve> curve_from(const CsvTable& table, const CurveColumns& columns, const std::string& name) {
  const Result<int> rate = find_column(
      table, columns.rate, {"bpp", "bpp_total", "sum_bpp_over_fullres", "rate", "bitrate", "kbps"}, name);
  if (!rate) return rate.error();
  const Result<int> quality = find_column(
      table, columns.quality, {"psnr", "psnr_rgb", "psnr_db", "psnr_full", "psnr_el2", "quality"}, name);
  if (!quality) return quality.error();

  std::vector<std::pair<int, std::string>> wanted;
  for (const std::string& condition : columns.only) {
    const size_t split = condition.find('=');
    if (split == std::string::npos) {
      return Error{ErrorCode::kUsage, fmt::format("'{}' is not COLUMN=VALUE", condition)};
    }
    const Result<int> column = find_column(table, condition.substr(0, split), {}, name);
    if (!column) return column.error();
    wanted.emplace_back(*column, condition.substr(split + 1));
  }

  const int setting = table.column("image") >= 0 ? table.column("setting") : -1;
  RdCurve curve;
  std::map<std::string, std::pair<size_t, int>> groups;  // setting -> position in the curve, rows so far
  for (const std::vector<std::string>& row : table.rows) {
    bool here = true;
    for (const auto& [column, value] : wanted) here = here && row[column] == value;
    if (!here) continue;
    const Result<double> r = parse_number(row[*rate]);
    const Result<double> q = parse_number(row[*quality]);
    if (!r || !q) {
      return Error{ErrorCode::kBadFile, fmt::format("{}: {}", name, (r ? q : r).error().message)};
    }
    if (setting < 0) {
      curve.push_back({*r, *q});
      continue;
    }
    auto [group, fresh] = groups.try_emplace(row[setting], curve.size(), 0);
    if (fresh) curve.emplace_back();
    auto& [position, count] = group->second;
    ++count;
    curve[position].rate += (*r - curve[position].rate) / count;
    curve[position].quality += (*q - curve[position].quality) / count;
  }
  if (curve.empty()) return Error{ErrorCode::kUsage, fmt::format("{}: no rows left to draw a curve", name)};
  return curve;
}

}  // namespace compass::eval
