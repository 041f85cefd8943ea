#include "eval/beside_paper.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>

#include "eval/anchors.h"

namespace compass::eval {
namespace {

// LIFF against LIIF in its place (COMPASS, ablation study), percent.
constexpr double kPaperLiif = -0.64;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

struct Against {
  Result<BdValue> bd = Error{ErrorCode::kUsage, kNotMeasured};
  bool quoted = false;
  bool measured() const { return bd.ok() || bd.error().message != kNotMeasured; }
};

Against against(const Results& results, const CurveKey& rival, const CurveKey& ours) {
  if (rival.codec.empty()) return {};
  return {bd_rate_between(results.rows, rival, ours, kReportInterpolation)};
}

// Of our curve against SHVC's, which is quoted for the layers 1/4, 1/2, 1 of Kodak: two layers of twice the
// size each are the first two of those.
Against against_quoted_shvc(const Results& results, const CurveKey& ours) {
  const bool has_layers =
      ours.layout == paper_three_layers(2, 4).name || ours.layout == paper_two_layers(2).name;
  if (!has_layers || !is_kodak(results)) return {};
  for (const Curve& curve : mean_curves(results.rows)) {
    if (curve.key == ours) {
      return {bd_rate(quoted_shvc(ours.layer).rd, curve.rd(), kReportInterpolation), true};
    }
  }
  return {};
}

bool is_small(const Row& row) {
  return row.codec.starts_with("pocket-");
}

std::vector<std::string> line(const std::string& table, const CurveKey& ours, const std::string& method,
                              const Against& found, double paper) {
  const auto& bd = found.bd;
  return {table,
          ours.layout,
          ours.layer == 0 ? "BL" : fmt::format("EL{}", ours.layer),
          method + (found.quoted ? " *" : ""),
          bd ? fmt::format("{:+.2f}", bd->value) : "refused",
          fmt::format("{:+.2f}", paper),
          bd ? fmt::format("{:+.2f}", bd->value - paper) : "-"};
}

}  // namespace

CurveKey Family::method(const std::string& name, const std::string& layout, int layer) const {
  const std::string m = lower(name);
  const auto key = [&](const std::string& codec, const char* scheme) {
    return CurveKey{codec, scheme, layout, layer};
  };
  if (m == "simulcast (mean-scale)") return key(base, kSimulcast);
  if (m == "single-layer (mean-scale)") return key(base, kSingle);
  if (m == "simulcast (factorized)") return key(factorised, kSimulcast);
  // Mei et al.'s has three layers, always: two layers of twice the size each are its first two.
  const std::string three = layout == paper_two_layers(2).name ? paper_three_layers(2, 4).name : layout;
  const auto layers_of = [&](const std::string& codec) { return CurveKey{codec, kOneStream, three, layer}; };
  if (m == "mei et al. (original)") return layers_of(mei);
  if (m == "mei et al. (enhanced)") return layers_of(mei_hyperprior);
  if (m == "shvc") return key(shvc, kOneStream);
  return {};
}

Family shipped_family() {
  return {.title = "Beside the paper: the shipped model",
          .text = "The rivals are the shipped model's own base codec, and SHM (*: its curve is quoted).",
          .compass = "compass",
          .base = "compass-base",
          .shvc = "shvc"};
}

Family pocket_family() {
  return {.title = "Small systems: beside the paper, trained alike",
          .text =
              "All of these are a few kMAC/px, trained on the same pictures for the same lambdas, upon the "
              "same base codecs, without loop filter, trellis and search (docs/training.md).",
          .compass = "pocket-compass",
          .base = "pocket-base",
          .factorised = "pocket-factorised",
          .mei = "pocket-mei",
          .mei_hyperprior = "pocket-mei-hyperprior",
          .liif = "pocket-liif"};
}

Results small_systems(const Results& results) {
  Results out{results.facts, {}, {}};
  std::ranges::copy_if(results.rows, std::back_inserter(out.rows), is_small);
  return out;
}

Results without_small_systems(const Results& results) {
  Results out{results.facts, {}, results.failures};
  std::ranges::remove_copy_if(results.rows, std::back_inserter(out.rows), is_small);
  return out;
}

Section beside_the_paper(const Results& results, const Family& family) {
  Section out{family.title,
              "BD-rate of COMPASS against the method, in percent: ours, the paper's, and the difference "
              "(negative: we save more over our rival than the paper over its). A strong base codec makes "
              "gains over its simulcast smaller, a weak one larger. " +
                  family.text,
              TextTable({"table", "layers", "on", "against", "ours", "paper", "diff"})};
  int absent = 0;
  for (const PaperCell& cell : paper_cells()) {
    const std::string& layout = cell.layout.name;
    const CurveKey ours{family.compass, kOneStream, layout, cell.layer};
    const CurveKey rival = family.method(cell.method, layout, cell.layer);
    Against found = against(results, rival, ours);
    if (!found.measured() && !family.shvc.empty() && rival.codec == family.shvc) {
      found = against_quoted_shvc(results, ours);
    }
    if (found.measured()) {
      out.table.add(line(cell.table, ours, cell.method, found, cell.bd_rate));
    } else {
      ++absent;
    }
  }
  const CurveKey ours{family.compass, kOneStream, paper_three_layers(2, 4).name, 2};
  CurveKey liif = ours;
  liif.codec = family.liif;
  const Against found = against(results, liif, ours);
  if (found.measured()) {
    out.table.add(line("ablation", ours, "LIIF in LIFF's place", found, kPaperLiif));
  }
  if (absent > 0) out.text += fmt::format(" {} of the paper's cells on Kodak are not here.", absent);
  if (!is_kodak(results)) out.text = "The paper's figures are on Kodak, ours here are not. " + out.text;
  return out;
}

}  // namespace compass::eval
