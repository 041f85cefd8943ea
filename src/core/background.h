// Work on a thread of its own, where the system lets one start.
#pragma once

#include <future>
#include <new>
#include <system_error>
#include <type_traits>

namespace compass {

// Runs `work` beside the caller; its result, or its exception, comes out of get(). Where no thread can be
// started (a limit on processes or memory), `work` runs inside get() instead. What it refers to must outlive
// the future, whose end waits for work that has begun.
template <typename Work>
std::future<std::invoke_result_t<Work>> in_background(const Work& work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
  return std::async(std::launch::deferred, work);
}

}  // namespace compass
