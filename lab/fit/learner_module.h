// The module that learns filters. Eigen's vector width is fixed when it is compiled, and its matrix products
// need wide vectors to be fast. So the module is built for each level of x86-64. The system's loader takes
// the build for the processor from glibc-hwcaps, or else the one for all processors. No type of Eigen is part
// of the module's interface.
#pragma once

#include "fit/filter_learner.h"

namespace compass::fit {

// The module's only visible symbol, and its type: a new learner, the caller's.
inline constexpr const char* kLearnerModuleEntry = "compass_filter_learner";
using LearnerModuleEntry = FilterLearner*();

}  // namespace compass::fit
