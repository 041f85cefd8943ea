// Work on a thread of its own, if the system lets one start.
#pragma once

#include <future>
#include <new>
#include <system_error>
#include <type_traits>

namespace compass {

// Runs `work` on another thread; get() returns its result or throws its exception. If no thread can be
// started (a limit on processes or memory), `work` runs inside get(). What `work` refers to must outlive the
// future, whose destructor waits for work that has begun.
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
