// Crops of sample pictures, picked for the report from what a run kept.
#pragma once

#include <vector>

#include "eval/html_report.h"
#include "eval/run_settings.h"

namespace compass::eval {

// For each sample picture: the original, then every codec's top layer in the main layout, at the setting
// whose rate is nearest to that of our codec's middle one (0.5 bpp if ours takes no part). What is not there
// is left out.
std::vector<SampleCrop> collect_crops(const RunSettings& settings, const Results& results);

}  // namespace compass::eval
