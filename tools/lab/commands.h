// The subcommands of `compass-lab`, for those who make models or measure them, one file each.
#pragma once

#include "common/program.h"

namespace compass::tools {

void add_eval(CLI::App& app, Action& action);
void add_bdrate(CLI::App& app, Action& action);
void add_compare(CLI::App& app, Action& action);
void add_fit(CLI::App& app, Action& action);
void add_import(CLI::App& app, Action& action);
void add_export(CLI::App& app, Action& action);
void add_extend(CLI::App& app, Action& action);
void add_strip(CLI::App& app, Action& action);
void add_bench(CLI::App& app, Action& action);

inline constexpr const char* kLabName = "compass-lab";

// All of them.
Program lab_program();

}  // namespace compass::tools
