// Checks that apply to the values of all options.
#pragma once

#include <CLI/CLI.hpp>

namespace compass::tools {

// Makes the command refuse values that are empty or, where a number is expected, anything but a decimal
// number: CLI11 itself takes "" for 0, "010" for 8, "0x10", " 5", "nan" and "inf". To be called when all its
// options are there. Ranges are checked by the options themselves.
void check_values(CLI::App& command);

}  // namespace compass::tools
