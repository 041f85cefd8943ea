// The rows of a run's results.
#pragma once

#include <optional>
#include <vector>

#include "eval/cache.h"
#include "eval/run_plan.h"

namespace compass::eval {

// Rows of what was measured, by contestant, layout, setting, picture, layer and scheme; ceilings follow each
// layout: `measurements` has an entry for each of the plan's jobs.
std::vector<Row> rows_of(const RunSettings& settings, const RunPlan& plan,
                         const std::vector<std::optional<Measurement>>& measurements);

}  // namespace compass::eval
