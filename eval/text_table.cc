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

constexpr size_t kGap = 2;  // columns between cells

std::string padded(const std::string& text, size_t width, bool right) {
  const std::string space(width - std::min(width, columns(text)), ' ');
  return right ? space + text : text + space;
}

// The text, or as much of it as fits in `width` columns with an ellipsis.
std::string shortened(const std::string& text, size_t width) {
  if (columns(text) <= width) return text;
  std::string out;
  size_t taken = 0;
  for (const char c : text) {
    const bool begins = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    if (begins && ++taken >= width) break;
    out += c;
  }
  return out + "\u2026";
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

std::string TextTable::plain(size_t limit) const {
  const size_t count = rows_.front().size();
  std::vector<size_t> width(count);
  std::vector<bool> right(count);
  for (size_t c = 0; c < count; ++c) {
    right[c] = numeric_column(rows_, c);
    for (const auto& row : rows_) width[c] = std::max(width[c], columns(row[c]));
  }
  width[0] = std::min(width[0], limit / 2);
  std::string out;
  for (size_t first = 1; first < count || out.empty();) {
    // As many columns as fit, at least one.
    size_t used = width[0];
    size_t end = first;
    while (end < count && (end == first || used + kGap + width[end] <= limit)) used += kGap + width[end++];
    if (!out.empty()) out += '\n';
    for (const auto& row : rows_) {
      std::string line = padded(shortened(row[0], width[0]), width[0], right[0]);
      for (size_t c = first; c < end; ++c) {
        line += std::string(kGap, ' ') + padded(row[c], width[c], right[c]);
      }
      line.erase(line.find_last_not_of(' ') + 1);
      out += line + '\n';
    }
    first = std::max(end, first + 1);
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
