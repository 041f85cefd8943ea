#include "eval/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>

namespace compass::eval {
namespace {

// Splits one line. Quoted fields may not run over lines: none of ours do, and a stray quote is then found.
Result<std::vector<std::string>> split(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted) {
      if (c != '"') {
        fields.back() += c;
      } else if (i + 1 < line.size() && line[i + 1] == '"') {
        fields.back() += '"';
        ++i;
      } else {
        quoted = false;
      }
    } else if (c == '"' && fields.back().empty()) {
      quoted = true;
    } else if (c == ',') {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return Error{ErrorCode::kBadFile, "a quote is left open"};
  return fields;
}

}  // namespace

int CsvTable::column(std::string_view name) const {
  const auto found = std::find(columns.begin(), columns.end(), name);
  return found == columns.end() ? -1 : static_cast<int>(found - columns.begin());
}

Result<CsvTable> parse_csv(std::string_view text, std::string_view name) {
  CsvTable table;
  int number = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    Result<std::vector<std::string>> fields = split(line);
    if (!fields) {
      return Error{ErrorCode::kBadFile, fmt::format("{}:{}: {}", name, number, fields.error().message)};
    }
    if (table.columns.empty()) {
      table.columns = std::move(*fields);
    } else if (fields->size() != table.columns.size()) {
      return Error{ErrorCode::kBadFile, fmt::format("{}:{}: {} fields where the header has {}", name, number,
                                                    fields->size(), table.columns.size())};
    } else {
      table.rows.push_back(std::move(*fields));
    }
  }
  if (table.columns.empty()) return Error{ErrorCode::kBadFile, fmt::format("{}: no header line", name)};
  return table;
}

Result<CsvTable> read_csv(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kIo, fmt::format("{}: {}", path, std::strerror(errno))};
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  return parse_csv(text, path);
}

std::string csv_line(std::span<const std::string> fields) {
  std::string line;
  for (size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) line += ',';
    if (fields[i].find_first_of(",\"#\n") == std::string::npos) {
      line += fields[i];
      continue;
    }
    line += '"';
    for (const char c : fields[i]) {
      if (c == '"') line += '"';
      line += c == '\n' ? ' ' : c;
    }
    line += '"';
  }
  return line + '\n';
}

Result<double> parse_number(std::string_view field) {
  double value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
  if (error != std::errc() || end != field.data() + field.size() || !std::isfinite(value)) {
    return Error{ErrorCode::kBadFile, fmt::format("'{}' is not a number", field)};
  }
  return value;
}

}  // namespace compass::eval
