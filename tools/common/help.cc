#include "help.h"

#include <fmt/format.h>

#include <string_view>

namespace compass::tools {
namespace {

constexpr size_t kWidth = 80;
constexpr size_t kColumn = 27;  // where descriptions begin

// "  -q, --quality 0..100   The description, wrapped under itself."
std::string entry(const std::string& left, const std::string& description) {
  std::string out = "  " + left;
  if (out.size() + 2 > kColumn) {
    out += "\n" + std::string(kColumn, ' ');
  } else {
    out.resize(kColumn, ' ');
  }
  return out + wrap(description, kWidth, kColumn) + "\n";
}

// "-q,--quality" and "0..100" to "-q, --quality 0..100"; options without a short name are indented to match.
std::string option_left(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += "-" + name + ", ";
  if (names.empty()) names = "    ";
  bool first = true;
  for (const std::string& name : option.get_lnames()) {
    names += (first ? "--" : ", --") + name;
    first = false;
  }
  return option.get_option_text().empty() ? names : names + " " + option.get_option_text();
}

}  // namespace

std::string wrap(const std::string& text, size_t width, size_t indent) {
  std::string out;
  size_t column = indent;  // the first line too is placed at `indent`, by the caller
  std::string_view rest = text;
  while (!rest.empty()) {
    const size_t end = rest.find(' ');
    const std::string_view word = rest.substr(0, end);
    if (column > indent && column + 1 + word.size() > width) {
      out += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
  }
  return out;
}

std::string HelpFormatter::make_help(const CLI::App* app, std::string name,
                                     CLI::AppFormatMode /*mode*/) const {
  const auto positionals = app->get_options([](const CLI::Option* o) { return o->get_positional(); });
  const auto options = app->get_options([](const CLI::Option* o) { return o->nonpositional(); });
  const auto commands = app->get_subcommands({});

  std::string out = wrap(app->get_description(), kWidth, 0) + "\n\nUsage: " + name;
  for (const CLI::Option* option : positionals) out += " " + option->get_name(true);
  out += commands.empty() ? " [options]\n" : " COMMAND [options]\n";

  if (!commands.empty()) {
    out += "\nCommands:\n";
    for (const CLI::App* command : commands) out += entry(command->get_name(), command->get_description());
  }
  if (!positionals.empty()) {
    out += "\nArguments:\n";
    for (const CLI::Option* option : positionals)
      out += entry(option->get_name(true), option->get_description());
  }
  for (const std::string& group : app->get_groups()) {
    bool titled = group.empty();  // an empty group's options are hidden
    for (const CLI::Option* option : options) {
      if (option->get_group() != group || group.empty()) continue;
      if (!titled) out += "\n" + group + ":\n";
      titled = true;
      out += entry(option_left(*option), option->get_description());
    }
  }
  if (!app->get_footer().empty()) out += "\n" + app->get_footer() + "\n";
  return out;
}

}  // namespace compass::tools
