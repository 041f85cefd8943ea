// The results as a page of the documentation.
#pragma once

#include <string>

#include "eval/results.h"

namespace compass::eval {

// docs/results.md: where the numbers come from, then the same tables as everywhere, losses and gaps included.
std::string markdown_report(const Results& results);

}  // namespace compass::eval
