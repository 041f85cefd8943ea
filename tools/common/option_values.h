// What every value on the command line has to look like, whatever option it is for.
#pragma once

#include <CLI/CLI.hpp>

namespace compass::tools {

// Makes the command refuse values that are empty or, where a number is expected, anything but a decimal
// number: CLI11 itself takes "" for 0, "010" for 8, "0x10", " 5", "nan" and "inf". To be called when all its
// options are there. Where a number makes no sense for its option, the option's own check says so.
void check_values(CLI::App& command);

}  // namespace compass::tools
