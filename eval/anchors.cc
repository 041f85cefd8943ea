#include "eval/anchors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "eval/curve_file.h"
#include "eval/results.h"

namespace compass::eval {
namespace {

// A table that is part of the program: that it can be read is checked by the tests, not at run time.
CsvTable table(const std::string& name) {
  Result<CsvTable> found = anchor_table(name);
  assert(found);
  return found ? *found : CsvTable{};
}

void add_curve(std::vector<QuotedCurve>& out, const CsvTable& from, const std::string& label,
               const std::string& scheme, const CurveColumns& columns) {
  const Result<RdCurve> rd = curve_from(from, columns, label);
  assert(rd);
  if (rd) out.push_back({label, scheme, *rd});
}

double number(const std::string& field) {
  const Result<double> value = parse_number(field);
  assert(value);
  return value ? *value : 0;
}

std::string readable(const std::string& codec) {
  static const std::map<std::string, std::string> kNames{
      {"jpeg420", "JPEG"},   {"j2k_97", "JPEG 2000"},      {"webp", "WebP"},
      {"jxl_e7", "JPEG XL"}, {"avif444_s6", "AVIF 4:4:4"}, {"heic_x265_420", "HEIC (x265)"},
      {"htj2k", "HTJ2K"},    {"jxl_prog", "JPEG XL prog."}};
  const auto found = kNames.find(codec);
  return found == kNames.end() ? codec : found->second;
}

// The distinct values of a column, in order of appearance.
std::vector<std::string> values(const CsvTable& from, const char* column) {
  std::vector<std::string> out;
  for (const auto& row : from.rows) {
    const std::string& value = row[from.column(column)];
    if (out.empty() || out.back() != value) out.push_back(value);
  }
  return out;
}

}  // namespace

Result<CsvTable> anchor_table(const std::string& name) {
  const auto found = anchor_texts().find(name);
  if (found == anchor_texts().end()) {
    return Error{ErrorCode::kUsage, fmt::format("no figures named '{}' are quoted", name)};
  }
  return parse_csv(found->second, name);
}

QuotedCurve published_single_layer() {
  std::vector<QuotedCurve> out;
  add_curve(out, table("mbt2018_mean_published"), "Mean-scale hyperprior (published)", kSingle, {});
  return out.empty() ? QuotedCurve{} : out.front();
}

std::vector<QuotedCurve> quoted_peers() {
  std::vector<QuotedCurve> out;
  add_curve(out, table("peers_kodak_av1_3layer"), "AV1 SVC", kOneStream, {});
  add_curve(out, table("peers_kodak_j2k_one_stream"), "JPEG 2000", kOneStream, {});
  add_curve(out, table("peers_kodak_shvc_3layer"), "SHVC (SHM)", kOneStream, {});
  const CsvTable simulcast = table("peers_kodak_simulcast3");
  for (const std::string& codec : values(simulcast, "codec")) {
    add_curve(out, simulcast, readable(codec), kSimulcast, {"", "", {"codec=" + codec}});
  }
  const CsvTable single = table("peers_kodak_single_layer");
  for (const std::string& codec : values(single, "codec")) {
    add_curve(out, single, readable(codec), kSingle, {"", "", {"codec=" + codec}});
  }
  return out;
}

QuotedCurve quoted_shvc(int layer) {
  const CsvTable from = table("peers_kodak_shvc_3layer");
  constexpr std::array kRates{"bpp_bl", "bpp_el1",
                              "bpp_el2"};  // each layer's own bits, over the top layer's pixels
  constexpr std::array kQualities{"psnr_bl", "psnr_el1", "psnr_el2"};
  QuotedCurve out{"SHVC (SHM)", kOneStream, {}};
  for (const auto& row : from.rows) {
    double bits = 0.0;
    for (int k = 0; k <= layer; ++k) bits += number(row[from.column(kRates.at(k))]);
    if (layer + 1 == static_cast<int>(kRates.size()))
      bits = number(row[from.column("bpp_total")]);  // with headers
    const double shrunk = 1 << 2 * (static_cast<int>(kRates.size()) - 1 - layer);
    out.rd.push_back({bits * shrunk, number(row[from.column(kQualities.at(layer))])});
  }
  std::ranges::sort(out.rd, {}, &RdPoint::rate);
  return out;
}

std::vector<PaperCell> paper_cells() {
  std::vector<PaperCell> cells;
  const CsvTable poster = table("poster_bdrate");
  for (const auto& row : poster.rows) {
    for (size_t c = 1; c < row.size(); ++c) {
      // "2L_1.2x", "3L_4.0x"
      const std::string& column = poster.columns[c];
      const double top = number(column.substr(3, column.size() - 4));
      const bool two = column.starts_with("2L");
      cells.push_back({"poster", two ? paper_two_layers(top) : paper_three_layers(2.0, top), two ? 1 : 2,
                       row[0], number(row[c])});
    }
  }
  const CsvTable more = table("supplementary_bdrate");
  const auto field = [&](const std::vector<std::string>& row, const char* name) {
    return row[more.column(name)];
  };
  for (const auto& row : more.rows) {
    if (field(row, "dataset") != "Kodak") continue;
    const std::string measured = field(row, "measured_layer");
    cells.push_back({"suppl. " + field(row, "table"),
                     paper_three_layers(number(field(row, "el1_scale")), number(field(row, "final_scale"))),
                     measured == "BL"     ? 0
                     : measured == "EL-1" ? 1
                                          : 2,
                     field(row, "method"), number(field(row, "bd_rate_percent"))});
  }
  return cells;
}

}  // namespace compass::eval
