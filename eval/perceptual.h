// How far a decoded picture seems to be from its original, by programs that know more of eyes than squared
// errors do: SSIMULACRA and butteraugli, of libjxl's developer tools (Debian: libjxl-devtools). They are run
// if they are on PATH.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "eval/picture.h"

namespace compass::eval {

struct PerceptualScores {
  std::optional<double> ssimulacra;   // 0: equal; by ssimulacra_main
  std::optional<double> ssimulacra2;  // 100: equal; by ssimulacra2, of newer versions
  std::optional<double> butteraugli;  // the 3-norm of its map, 0: equal; by butteraugli_main
  std::vector<std::string> missing;   // why one is not there, a line each
};

// What the installed programs say. Those that are not there, or that fail (on pictures below 8x8, say), are
// left out. Errors: kUsage (sizes that differ), kIo.
Result<PerceptualScores> perceptual_scores(const Picture& original, const Picture& decoded);

// The number behind `name`, or the last of all, in a program's words. Nothing if there is none.
std::optional<double> number_after(const std::string& output, const std::string& name);

}  // namespace compass::eval
