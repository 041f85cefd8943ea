#include "read_picture.h"

#include <charconv>
#include <cstring>

namespace compass::tools::images {

std::vector<std::string> arguments_of(const ReadSettings& settings, pid_t parent) {
  const int flags = (settings.strict ? 1 : 0) | (settings.kinds ? 2 : 0) | (settings.profile ? 4 : 0);
  return {std::to_string(flags), std::to_string(settings.max_pixels), std::to_string(settings.max_memory),
          std::to_string(parent)};
}

std::optional<Task> task_of(std::span<char* const> arguments) {
  uint64_t numbers[4] = {0, 0, 0, 0};
  if (arguments.size() != std::size(numbers)) return std::nullopt;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const char* const end = arguments[i] + std::strlen(arguments[i]);
    const auto [stop, error] = std::from_chars(arguments[i], end, numbers[i]);
    if (error != std::errc() || stop != end) return std::nullopt;
  }
  if (numbers[0] > 7) return std::nullopt;
  const ReadSettings settings{(numbers[0] & 1) != 0, (numbers[0] & 2) != 0, (numbers[0] & 4) != 0, numbers[1],
                              numbers[2]};
  return Task{settings, static_cast<pid_t>(numbers[3])};
}

}  // namespace compass::tools::images
