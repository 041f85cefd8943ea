// Running work on several threads.
#pragma once

#include <ATen/Parallel.h>

#include <cstdint>
#include <functional>
#include <future>
#include <vector>

namespace compass::train {

// Runs body(0..count-1), each on a thread of its own, and rethrows the first exception.
inline void on_threads(int64_t count, const std::function<void(int64_t)>& body) {
  std::vector<std::future<void>> running;
  for (int64_t i = 0; i < count; ++i)
    running.push_back(std::async(std::launch::async, [&body, i] {
      at::set_num_threads(1);  // OpenMP counts per thread
      body(i);
    }));
  for (auto& r : running) r.get();
}

}  // namespace compass::train
