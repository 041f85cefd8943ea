// Files written whole or not at all.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace compass::train {

// Writes beside `path` and renames. Throws c10::Error, leaving what was there.
void write_file(const std::string& path, std::span<const uint8_t> bytes);
void write_file(const std::string& path, const std::string& text);

}  // namespace compass::train
