// Tables for terminals and Markdown.
#pragma once

#include <string>
#include <vector>

namespace compass::eval {

// Rows of cells; the first row is the head. Cells that look like numbers, or are "-", stand to the right.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row);  // padded or cut to the head's length
  bool empty() const { return rows_.size() == 1; }

  // Aligned with spaces, two between columns. A table wider than `width` columns becomes several below each
  // other, each beginning with the first column; a first column that leaves no room is cut, with an ellipsis.
  std::string plain(size_t width = std::string::npos) const;
  std::string markdown() const;  // a GitHub table
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }

 private:
  std::vector<std::vector<std::string>> rows_;
};

// Whether a cell stands to the right: digits with signs, points, units after a space.
bool is_numeric_cell(const std::string& cell);

}  // namespace compass::eval
