// Where the command's other files are: the image module, and the program that reads pictures.
#pragma once

#include <filesystem>
#include <string>

namespace compass::tools {

// The path of a part by its file name: where installation puts it, seen from the command. The build tree is
// laid out alike.
std::filesystem::path installed_part(const std::string& name);

}  // namespace compass::tools
