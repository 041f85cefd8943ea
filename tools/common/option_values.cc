#include "option_values.h"

#include <string>

#include "parse.h"

namespace compass::tools {
namespace {

// What is wrong with the value, as a validator of CLI11 says it: nothing, if it is empty.
std::string problem(const Status& status) {
  return status ? std::string() : status.error().message;
}

std::string not_empty(const std::string& value) {
  return value.empty() ? "is empty; give a value" : "";
}

std::string whole_number(const std::string& value) {
  return problem(check_whole_number(value));
}

std::string decimal_number(const std::string& value) {
  return problem(check_decimal_number(value));
}

}  // namespace

void check_values(CLI::App& command) {
  for (CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() == 0) continue;  // a flag
    const std::string type = option->get_type_name();
    option->check(not_empty);
    if (type.starts_with("INT") || type.starts_with("UINT")) option->check(whole_number);
    if (type.starts_with("FLOAT")) option->check(decimal_number);
  }
}

}  // namespace compass::tools
