// The report as text for a terminal of 80 columns.
#pragma once

#include <string>

#include "eval/results.h"

namespace compass::eval {

std::string terminal_report(const Results& results);

}  // namespace compass::eval
