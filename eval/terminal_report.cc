#include "eval/terminal_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "eval/summary.h"

namespace compass::eval {
namespace {

bool fits(const std::string& lines, size_t width) {
  for (size_t at = 0; at < lines.size();) {
    const size_t end = std::min(lines.find('\n', at), lines.size());
    if (end - at > width) return false;
    at = end + 1;
  }
  return true;
}

// The table within `width`; one of two columns that is too wide for it as a line for each row.
std::string table_text(const TextTable& table, size_t width) {
  const auto& rows = table.rows();
  if (rows.front().size() != 2 || fits(table.plain(), width)) return table.plain(width);
  std::string out;
  for (size_t r = 1; r < rows.size(); ++r) out += fmt::format("{}: {}\n", rows[r][0], rows[r][1]);
  return out;
}

// `text` in lines of at most `width` columns, or one word.
std::string wrapped(const std::string& text, size_t width) {
  std::string out;
  std::string line;
  size_t at = 0;
  while (at < text.size()) {
    const size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      out += line + '\n';
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    at = end + 1;
  }
  return line.empty() ? out : out + line + '\n';
}

}  // namespace

std::string terminal_report(const Results& results) {
  constexpr size_t kWidth = 80;
  std::string out;
  for (const Section& section : sections(results)) {
    const std::string rule(std::min(section.title.size(), kWidth), '-');
    out += (out.empty() ? "" : "\n") + section.title + '\n' + rule + '\n' +
           table_text(section.table, kWidth) + wrapped(section.text, kWidth);
  }
  return out;
}

}  // namespace compass::eval
