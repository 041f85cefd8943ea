#include "eval/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "eval/beside_paper.h"
#include "eval/grid.h"

namespace compass::eval {
namespace {

Section titled(Section section, const std::string& prefix) {
  section.title[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(section.title[0])));
  section.title = prefix + section.title;
  return section;
}

}  // namespace

std::string main_layout(const Results& results) {
  const std::string wanted = paper_three_layers(2, 4).name;
  for (const Row& r : results.rows) {
    if (r.layout == wanted) return wanted;
  }
  return results.rows.empty() ? std::string() : results.rows.front().layout;
}

int layer_count(const Results& results, const std::string& layout) {
  const auto row = std::find_if(results.rows.begin(), results.rows.end(),
                                [&](const Row& r) { return r.layout == layout; });
  return row == results.rows.end() ? 0 : row->layers;
}

std::string label_of(const std::string& codec, const std::string& scheme) {
  if (codec == "compass-base") return scheme == kSingle ? "single-layer, our base" : "simulcast, our base";
  return fmt::format("{}, {}", codec, scheme);
}

bool is_kodak(const Results& results) {
  std::set<std::string> names;
  for (const Row& r : results.rows) {
    const bool whole = (r.width == 768 && r.height == 512) || (r.width == 512 && r.height == 768);
    if (whole && r.image.starts_with("kodim")) names.insert(r.image);
  }
  std::set<std::string> all;
  for (const Row& r : results.rows) all.insert(r.image);
  return names.size() == 24 && all == names;
}

Section missing(const Results& results) {
  Section out{"Missing", "Asked for, and not there.", TextTable({"what", "why"})};
  for (const Failure& f : results.failures) out.table.add({f.what, f.why});
  return out;
}

// What is measured against the published curve comes first, then what is against our own rivals, then the
// small systems against each other: a table holds one of the three, never two.
std::vector<Section> sections(const Results& results) {
  std::vector<Section> all;
  const auto add = [&](Section section) {
    if (!section.table.empty()) all.push_back(std::move(section));
  };
  if (const Results own = without_small_systems(results); !own.rows.empty()) {
    const std::string layout = main_layout(own);
    add(headline(own));
    add(points(own, "compass", kOneStream, layout));
    add(by_layers(own));
    add(beside_the_paper(own, shipped_family()));
    add(matrix(own, layout));
    add(liff_gain(own));
    add(ceilings(own));
  }
  if (const Results small = small_systems(results); !small.rows.empty()) {
    add(small_systems_points(small));
    add(beside_the_paper(small, pocket_family()));
    add(titled(matrix(small, main_layout(small)), "Small systems: "));
  }
  add(missing(results));
  return all;
}

}  // namespace compass::eval
