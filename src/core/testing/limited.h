// For tests only: what a process does that is short of address space.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace compass {

// Inside EXPECT_EXIT: runs `work` with `room` bytes more of address space than there are in use, and exits
// with 0 if it returns true.
template <typename Work>
[[noreturn]] void in_room(size_t room, const Work& work) {
  unsigned long pages = 0;
  if (std::FILE* file = std::fopen("/proc/self/statm", "r"); file != nullptr) {
    if (std::fscanf(file, "%lu", &pages) != 1) pages = 0;
    std::fclose(file);
  }
  const rlim_t most = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + room;
  const rlimit limit{most, most};
  if (pages == 0 || setrlimit(RLIMIT_AS, &limit) != 0) std::_Exit(2);
  std::_Exit(work() ? 0 : 1);
}

}  // namespace compass
