#include "eval/text_table.h"

#include <algorithm>
#include <cctype>

namespace compass::eval {
namespace {

// Characters, not bytes: UTF-8 continuation bytes take no column.
size_t columns(const std::string& text) {
  return static_cast<size_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// Whether all cells of a column below the head are numeric.
bool numeric_column(const std::vector<std::vector<std::string>>& rows, size_t c) {
  return rows.size() > 1 &&
         std::all_of(rows.begin() + 1, rows.end(), [&](const auto& row) { return is_numeric_cell(row[c]); });
}

}  // namespace

bool is_numeric_cell(const std::string& cell) {
  if (cell.empty() || cell == "-") return true;
  size_t at = 0;
  if (cell[0] == '+' || cell[0] == '-') ++at;
  return at < cell.size() &&
         (std::isdigit(static_cast<unsigned char>(cell[at])) != 0 || cell.substr(at) == "inf");
}

void TextTable::add(std::vector<std::string> row) {
  row.resize(rows_.front().size());
  rows_.push_back(std::move(row));
}

std::string TextTable::plain() const {
  const size_t count = rows_.front().size();
  std::vector<size_t> width(count);
  std::vector<bool> right(count);
  for (size_t c = 0; c < count; ++c) {
    right[c] = numeric_column(rows_, c);
    for (const auto& row : rows_) width[c] = std::max(width[c], columns(row[c]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t c = 0; c < count; ++c) {
      const std::string space(width[c] - columns(row[c]), ' ');
      if (c > 0) line += "  ";
      line += right[c] ? space + row[c] : row[c] + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + '\n';
  }
  return out;
}

std::string TextTable::markdown() const {
  std::string out;
  for (size_t r = 0; r < rows_.size(); ++r) {
    out += '|';
    for (std::string cell : rows_[r]) {
      for (size_t at = cell.find('|'); at != std::string::npos; at = cell.find('|', at + 2))
        cell.replace(at, 1, "\\|");
      out += ' ' + cell + " |";
    }
    out += '\n';
    if (r > 0) continue;
    out += '|';
    for (size_t c = 0; c < rows_.front().size(); ++c) out += numeric_column(rows_, c) ? "---:|" : "---|";
    out += '\n';
  }
  return out;
}

}  // namespace compass::eval
