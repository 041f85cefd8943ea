// The layout of --help: 80 columns, wrapped descriptions, examples at the end.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace compass::tools {

// `text` broken at spaces so that no line passes column `width`. The first line is meant to be printed at
// column `indent`; the others begin with that many spaces.
std::string wrap(const std::string& text, size_t width, size_t indent);

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;
};

}  // namespace compass::tools
