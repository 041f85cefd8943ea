// The paper's tables beside ours, cell by cell: BD-rate of COMPASS against each of its rivals.
#pragma once

#include "eval/summary.h"

namespace compass::eval {

// Systems that can be compared with each other, by the names that they have in results. Empty: there is none.
struct Family {
  std::string title, text;
  std::string compass;
  std::string base;        // its base codec alone: simulcast and single-layer (mean-scale)
  std::string factorised;  // simulcast (factorized)
  std::string mei, mei_hyperprior, shvc;
  std::string liif;  // COMPASS with LIIF in LIFF's place

  // The curve of what the paper calls a method; its codec is empty if the family has none.
  CurveKey method(const std::string& name, const std::string& layout, int layer) const;
};

// The shipped model, its own base codec and SHM.
Family shipped_family();
// The small systems that scripts/train_pocket.sh trains alike, as rivals of these names (pocket-compass,
// ...).
Family pocket_family();

// The results of systems that can be compared: those of the small ones, or all others, which have the
// failures, too.
Results small_systems(const Results& results);
Results without_small_systems(const Results& results);

// Cells whose other side was not measured are left out and counted; SHVC's curve of three layers is quoted
// where it was not. Empty table if the family's COMPASS was not measured.
Section beside_the_paper(const Results& results, const Family& family);

}  // namespace compass::eval
