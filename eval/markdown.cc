#include "eval/markdown.h"

#include <fmt/format.h>

#include "eval/beside_paper.h"
#include "eval/summary.h"

namespace compass::eval {

namespace {

// What the page is, by the grid that was measured.
std::string opening(const Results& results) {
  const auto grid = results.facts.find("grid");
  const bool paper = grid != results.facts.end() && grid->second == "paper";
  const bool small = !small_systems(results).rows.empty();
  const std::string comparisons = fmt::format(
      "No table mixes what it compares: the shipped model with published curves, {}rivals made of its own "
      "base codec{}.\n\n",
      small ? "the shipped model with " : "or with ",
      small ? ", small systems that were trained alike with each other" : "");
  return fmt::format(
      "# {}\n\nWritten by `compass-lab eval` from its measurements; `scripts/{}` makes this page again. Do "
      "not edit it by hand.\nRates are bytes of whole files, qualities are of pictures decoded from them, "
      "means are over pictures.\n\n"
      "*One stream*: one file with all sizes. *Simulcast*: a file for each size, all counted. *Single*: the\n"
      "file of the largest size alone. *Our base*: our base codec, used so. *BD-rate*: the mean difference "
      "of\n"
      "bits at equal quality.\n\n{}",
      paper ? "The paper's experiments" : "Results", paper ? "results_paper.sh" : "results.sh",
      paper ? comparisons : "");
}

}  // namespace

std::string markdown_report(const Results& results) {
  std::string out = opening(results);
  for (const char* key : {"pictures", "grid", "model", "model 2", "commit", "machine", "timing", "complexity",
                          "complexity 2"}) {
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
