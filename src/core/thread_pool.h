// A fixed set of worker threads that share the iterations of a loop. One pool per encoder or decoder:
// nothing here is global, so several codecs can run in one process.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace compass {

class ThreadPool {
 public:
  // `threads` >= 1 workers in all, the calling thread included; 0 means one per core.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls body(i, worker) for every i in [0, count), worker in [0, threads()); returns when all are done.
  // Which worker runs which i is not fixed: bodies must write disjoint data, so that results never depend
  // on the thread count. Calls from inside a body run serially on the worker that makes them.
  void parallel_for(int count, const std::function<void(int i, int worker)>& body);

 private:
  void work(int worker);

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(int, int)>* body_ = nullptr;
  std::atomic<int> next_{0};
  int count_ = 0;
  int busy_ = 0;
  uint64_t generation_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace compass
