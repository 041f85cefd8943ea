// How far a decoded picture seems to be from its original, by programs that know more of eyes than squared
// errors do: SSIMULACRA and butteraugli, of libjxl's developer tools (Debian: libjxl-devtools). They are run
// if they are on PATH.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "eval/picture.h"

namespace compass::eval {

// What each program said, if it is there.
struct PerceptualValues {
  std::optional<double> ssimulacra;   // 0: equal; by ssimulacra_main
  std::optional<double> ssimulacra2;  // 100: equal; by ssimulacra2, of newer versions
  std::optional<double> butteraugli;  // the 3-norm of its map, 0: equal; by butteraugli_main
};

// One of the values: its name in tables and in result files, the digits behind its point that say something,
// who says it and behind which words; the last number of all if there are none.
struct PerceptualMetric {
  std::optional<double> PerceptualValues::*value;
  const char* name;
  int digits;
  const char* program;
  const char* words;
};
inline constexpr std::array kPerceptualMetrics{
    PerceptualMetric{&PerceptualValues::ssimulacra, "ssimulacra", 4, "ssimulacra_main", ""},
    PerceptualMetric{&PerceptualValues::ssimulacra2, "ssimulacra2", 2, "ssimulacra2", ""},
    PerceptualMetric{&PerceptualValues::butteraugli, "butteraugli", 3, "butteraugli_main", "3-norm:"}};

// The metrics whose programs are on PATH: "ssimulacra, butteraugli". Empty if there are none.
std::string installed_perceptual_metrics();

struct PerceptualScores : PerceptualValues {
  std::vector<std::string> missing;  // why one is not there, a line each
};

// What the installed programs say. Those that are not there, or that fail (on pictures below 8x8, say), are
// left out. Errors: kUsage (sizes that differ), kIo.
Result<PerceptualScores> perceptual_scores(const Picture& original, const Picture& decoded);

// The number behind `name`, or the last of all, in a program's words. Nothing if there is none.
std::optional<double> number_after(const std::string& output, const std::string& name);

}  // namespace compass::eval
