// The interface between the command and the program that reads a picture for it (read_picture_main.cc).
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/photo.h"

namespace compass::tools::images {

// The program finds the picture at descriptor 0, and writes what wire.h describes to this one.
inline constexpr int kAnswerDescriptor = 3;

// Its exit status when memory runs out and no message can be sent.
inline constexpr int kExitOutOfMemory = 12;

struct Task {
  ReadSettings settings;
  pid_t parent = 0;  // the program ends when this process does
};

// To the program's arguments, and back; nothing if the arguments are malformed.
std::vector<std::string> arguments_of(const ReadSettings& settings, pid_t parent);
std::optional<Task> task_of(std::span<char* const> arguments);

}  // namespace compass::tools::images
