// A fixed set of worker threads that share the iterations of a loop. Nothing here is global: encoders and
// decoders have a pool each, or share one.
#pragma once

#include <functional>
#include <memory>

namespace compass {

// The most threads of one pool. Callers refuse a wish for more; the default never exceeds it.
inline constexpr int kMaxThreads = 256;

class ThreadPool {
 public:
  // 1 to kMaxThreads `threads` in all, the calling thread included; 0 means one per core. If the system lets
  // fewer start (a limit on processes or memory), the pool has those that did, at least the calling thread:
  // see threads(). They have started when the constructor returns.
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return threads_; }

  // Calls body(i, worker) for every i in [0, count), worker in [0, threads()); returns when all are done.
  // Which worker runs which i is not fixed: bodies must write disjoint data, so that results never depend
  // on the thread count. Calls from inside a body run serially on the worker that makes them.
  //
  // Any number of threads may call. The workers help one of them at a time: a call that finds them busy runs
  // all of its iterations itself, as worker 0, and waits for nobody.
  //
  // An exception in a body ends the loop. Iterations that have not begun are skipped, and once no thread is
  // inside the body the first exception is rethrown here. The pool can be used again.
  void parallel_for(int count, const std::function<void(int i, int worker)>& body);

 private:
  class Workers;  // the other threads
  std::unique_ptr<Workers> workers_;
  int threads_ = 1;
};

}  // namespace compass
