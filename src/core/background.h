// Work on a thread of its own, if the system lets one start.
#pragma once

#include <type_traits>

#ifdef COMPASS_NO_THREADS
#include <functional>
#include <utility>
#else
#include <future>
#include <new>
#include <system_error>
#endif

namespace compass {

#ifdef COMPASS_NO_THREADS

// Where there are no threads: runs `work` inside get().
template <typename T>
class Future {
 public:
  Future() = default;
  explicit Future(std::function<T()> work) : work_(std::move(work)) {}
  T get() { return work_(); }

 private:
  std::function<T()> work_;
};

template <typename Work>
Future<std::invoke_result_t<Work>> in_background(const Work& work) {
  return Future<std::invoke_result_t<Work>>(work);
}

#else

template <typename T>
using Future = std::future<T>;

// Runs `work` on another thread; get() returns its result or throws its exception. If no thread can be
// started (a limit on processes or memory), `work` runs inside get(). What `work` refers to must outlive the
// future, whose destructor waits for work that has begun.
template <typename Work>
Future<std::invoke_result_t<Work>> in_background(const Work& work) {
  try {
    return std::async(std::launch::async, work);
  } catch (const std::system_error&) {
  } catch (const std::bad_alloc&) {
  }
  return std::async(std::launch::deferred, work);
}

#endif

}  // namespace compass
