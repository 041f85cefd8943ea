#include "eval/perceptual.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>

#include "eval/picture_file.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

// Butteraugli takes a second per megapixel or so.
constexpr double kPatience = 600.0;

// What a program says of two files: the number behind `name`.
Result<double> ask(const char* program, const std::string& name, const std::string& original,
                   const std::string& decoded) {
  if (find_program(program).empty()) {
    return Error{ErrorCode::kFailure, fmt::format("{} is not installed", program)};
  }
  const auto done = run_process({program, original, decoded}, kPatience);
  if (!done) return done.error();
  const auto value = number_after(done->output, name);
  if (value) return *value;
  return Error{ErrorCode::kFailure,
               fmt::format("{} prints no number{}", program, name.empty() ? "" : " for " + name)};
}

}  // namespace

std::optional<double> number_after(const std::string& output, const std::string& name) {
  size_t begin = output.size();
  if (!name.empty()) {
    begin = output.find(name);
    if (begin == std::string::npos) return std::nullopt;
    begin = output.find_first_of("0123456789", begin + name.size());
  } else {
    const size_t end = output.find_last_of("0123456789");
    if (end == std::string::npos) return std::nullopt;
    begin = output.find_last_of(" \t\n", end);
    begin = begin == std::string::npos ? 0 : begin + 1;
  }
  if (begin == std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(output.c_str() + begin, &end);
  return end == output.c_str() + begin ? std::nullopt : std::optional(value);
}

std::string installed_perceptual_metrics() {
  std::vector<std::string> names;
  for (const PerceptualMetric& metric : kPerceptualMetrics) {
    if (!find_program(metric.program).empty()) names.emplace_back(metric.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

Result<PerceptualScores> perceptual_scores(const Picture& original, const Picture& decoded) {
  if (original.size != decoded.size) return Error{ErrorCode::kUsage, "the pictures' sizes differ"};
  const auto workspace = Workspace::create();
  if (!workspace) return workspace.error();
  const std::string a = workspace->file("original.ppm"), b = workspace->file("decoded.ppm");
  if (const Status written = write_ppm(original, a); !written) return written.error();
  if (const Status written = write_ppm(decoded, b); !written) return written.error();
  PerceptualScores scores;
  for (const PerceptualMetric& metric : kPerceptualMetrics) {
    const auto answer = ask(metric.program, metric.words, a, b);
    if (answer) {
      scores.*metric.value = *answer;
    } else {
      scores.missing.push_back(answer.error().message);
    }
  }
  return scores;
}

}  // namespace compass::eval
