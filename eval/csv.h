// Comma-separated values: a header line, then rows. Lines that begin with '#' are comments.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace compass::eval {

struct CsvTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // each as long as `columns`

  // Position of a column, or -1.
  int column(std::string_view name) const;
};

// Fields may be quoted with '"' (doubled inside); blank lines are skipped. `name` stands in messages. Errors:
// kBadFile with the line number, for a row of another length than the header or a quote left open.
Result<CsvTable> parse_csv(std::string_view text, std::string_view name);
Result<CsvTable> read_csv(const std::string& path);

// One line with its newline; fields are quoted where they need it.
std::string csv_line(std::span<const std::string> fields);

// A whole field as a finite number. Errors: kBadFile, naming the field.
Result<double> parse_number(std::string_view field);

}  // namespace compass::eval
