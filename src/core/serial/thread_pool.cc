// Of builds without threads (COMPASS_NO_THREADS), such as web/: the pool is the calling thread.
#include "core/thread_pool.h"

namespace compass {

class ThreadPool::Workers {};

ThreadPool::ThreadPool(int /*threads*/) {}
ThreadPool::~ThreadPool() = default;

void ThreadPool::parallel_for(int count, const std::function<void(int, int)>& body) {
  for (int i = 0; i < count; ++i) body(i, 0);
}

}  // namespace compass
