// The module that learns filters. Eigen chooses its vectors when it is compiled, and sums over hundreds of
// taps squared want wide ones. So the module is built for each level of x86-64, and the system's loader takes
// the one for the processor, from glibc-hwcaps beside the one for all. Nothing of Eigen goes in or out.
#pragma once

#include "fit/filter_learner.h"

namespace compass::fit {

// The module's only visible symbol, and its type: a new learner, the caller's.
inline constexpr const char* kLearnerModuleEntry = "compass_filter_learner";
using LearnerModuleEntry = FilterLearner*();

}  // namespace compass::fit
