#include "core/thread_pool.h"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

namespace compass {
namespace {

// The pool whose loop body the current thread is inside, and its number there: nested loops run serially.
struct Inside {
  const ThreadPool* pool = nullptr;
  int worker = 0;
};
thread_local Inside inside;

}  // namespace

ThreadPool::ThreadPool(int threads) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const int total = std::clamp(threads > 0 ? threads : cores, 1, kMaxThreads);
  workers_.reserve(total - 1);
  try {
    for (int worker = 1; worker < total; ++worker) {
      workers_.emplace_back([this, worker] { work(worker); });
    }
  } catch (const std::system_error&) {  // no more threads than these: fewer do the same work
  } catch (const std::bad_alloc&) {
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::parallel_for(int count, const std::function<void(int, int)>& body) {
  if (count <= 0) return;
  if (inside.pool == this || workers_.empty() || count == 1) {
    const int worker = inside.pool == this ? inside.worker : 0;
    for (int i = 0; i < count; ++i) body(i, worker);
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    body_ = &body;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    busy_ = static_cast<int>(workers_.size());
    ++generation_;
  }
  wake_.notify_all();
  const Inside outer = inside;
  inside = {this, 0};
  run_share(body, count, 0);
  inside = outer;
  std::exception_ptr failure;
  {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    body_ = nullptr;
    failure = std::exchange(failure_, nullptr);
  }
  if (failure) std::rethrow_exception(failure);
}

void ThreadPool::run_share(const std::function<void(int, int)>& body, int count, int worker) noexcept {
  try {
    for (int64_t i = next_.fetch_add(1); i < count; i = next_.fetch_add(1)) {
      body(static_cast<int>(i), worker);
    }
  } catch (...) {
    next_.store(count);  // no thread begins another iteration
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
  }
}

void ThreadPool::work(int worker) {
  inside = {this, worker};
  uint64_t seen = 0;
  for (;;) {
    const std::function<void(int, int)>* body = nullptr;
    int count = 0;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || generation_ != seen; });
      if (stop_) return;
      seen = generation_;
      body = body_;
      count = count_;
    }
    run_share(*body, count, worker);
    {
      const std::lock_guard lock(mutex_);
      --busy_;
    }
    done_.notify_one();
  }
}

}  // namespace compass
