#include "layer_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace compass::tools {

std::string grouped(uint64_t number) {
  std::string text = fmt::format("{}", number);
  for (std::ptrdiff_t at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<size_t>(at), 1, ',');
  }
  return text;
}

std::string layer_table(const std::vector<LayerRow>& rows) {
  const struct {
    const char* name;
    std::optional<double> LayerRow::*value;
    int decimals;
  } extras[] = {
      {"quality", &LayerRow::quality, 1}, {"PSNR", &LayerRow::psnr, 2}, {"seconds", &LayerRow::seconds, 2}};
  const auto known = [&rows](std::optional<double> LayerRow::*value) {
    return std::any_of(rows.begin(), rows.end(),
                       [value](const LayerRow& row) { return (row.*value).has_value(); });
  };
  std::string out =
      fmt::format("{:>5}  {:>11}  {:>11}  {:>11}  {:>7}", "layer", "size", "bytes", "total", "bpp");
  for (const auto& extra : extras) {
    if (known(extra.value)) out += fmt::format("  {:>7}", extra.name);
  }
  out += '\n';
  for (size_t k = 0; k < rows.size(); ++k) {
    const LayerRow& row = rows[k];
    out += fmt::format("{:>5}  {:>11}  {:>11}  {:>11}  {:>7.3f}", k,
                       fmt::format("{}x{}", row.size.width, row.size.height), grouped(row.bytes),
                       grouped(row.total_bytes), row.bpp());
    for (const auto& extra : extras) {
      if (known(extra.value))
        out += fmt::format("  {:>7.{}f}", (row.*extra.value).value_or(NAN), extra.decimals);
    }
    out += '\n';
  }
  return out;
}

Json layer_json(const std::vector<LayerRow>& rows) {
  Json list = Json::array();
  for (size_t k = 0; k < rows.size(); ++k) {
    const LayerRow& row = rows[k];
    Json entry = {{"layer", k},         {"width", row.size.width},        {"height", row.size.height},
                  {"bytes", row.bytes}, {"total_bytes", row.total_bytes}, {"bpp", row.bpp()}};
    if (row.psnr) entry["psnr"] = std::isfinite(*row.psnr) ? Json(*row.psnr) : Json(nullptr);
    if (row.quality) entry["quality"] = *row.quality;
    if (row.seconds) entry["seconds"] = *row.seconds;
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace compass::tools
