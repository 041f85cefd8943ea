#include "eval/markdown.h"

#include <fmt/format.h>

#include "eval/summary.h"

namespace compass::eval {

std::string markdown_report(const Results& results) {
  std::string out =
      "# Results\n\n"
      "Written by `compass-lab eval` from its measurements; `scripts/results.sh` makes this page again. Do "
      "not "
      "edit it "
      "by hand.\nRates are bytes of whole files, qualities are of pictures decoded from them, means are over "
      "pictures.\n\n";
  for (const char* key : {"pictures", "grid", "model", "commit", "machine", "timing", "complexity"}) {
    const auto fact = results.facts.find(key);
    if (fact != results.facts.end()) out += fmt::format("* {}: {}\n", key, fact->second);
  }
  for (const Section& section : sections(results)) {
    out += fmt::format("\n## {}\n\n{}\n{}\n", section.title, section.table.markdown(), section.text);
  }
  out += "\n## Commands\n\n`{in}`, `{out}` are files, `{}` is the setting.\n\n";
  for (const auto& [key, value] : results.facts) {
    if (key.starts_with("how: ")) out += fmt::format("* {}: `{}`\n", key.substr(5), value);
  }
  return out;
}

}  // namespace compass::eval
