// The subcommands of `compass`, for those who have pictures, one file each.
#pragma once

#include "common/program.h"

namespace compass::tools {

void add_encode(CLI::App& app, Action& action);
void add_decode(CLI::App& app, Action& action);
void add_info(CLI::App& app, Action& action);
void add_extract(CLI::App& app, Action& action);
void add_sheet(CLI::App& app, Action& action);
void add_view(CLI::App& app, Action& action);
void add_serve(CLI::App& app, Action& action);
void add_publish(CLI::App& app, Action& action);

// All of them.
Program compass_program();

}  // namespace compass::tools
