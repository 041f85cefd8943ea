#include "core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace compass {
namespace {

// The workers inside whose loop body the current thread is, and its number there: nested loops run serially.
struct Inside {
  const void* workers = nullptr;
  int worker = 0;
};
thread_local Inside inside;

// How often a thread looks for what it waits for before it sleeps: some 20 to 60 microseconds. Loops follow
// each other within less, and waking a thread takes longer. Where there are more threads than cores, those
// that look would be in the way of those that work.
constexpr int kLooks = 1000;

// Between two looks: lets the core's other thread work, and saves power.
void pause() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// A thread's first allocation reserves address space for many (glibc: 64 MB, and twice that while it does).
void allocate_for_the_first_time() {
  void* volatile first = std::malloc(1);  // volatile: or the compiler leaves it out
  std::free(first);
}

template <typename Ready>
void look_out_for(int looks, const Ready& ready) {
  for (int i = 0; i < looks && !ready(); ++i) pause();
}

// Says so until the end of its scope.
class Entered {
 public:
  explicit Entered(Inside now) : outer_(inside) { inside = now; }
  ~Entered() { inside = outer_; }
  Entered(const Entered&) = delete;
  Entered& operator=(const Entered&) = delete;

 private:
  Inside outer_;
};

}  // namespace

class ThreadPool::Workers {
 public:
  // As many as the system lets start. They have started when this returns, so that none takes address space
  // from code that was just told that there is enough (require_room).
  explicit Workers(int wanted);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return static_cast<int>(threads_.size()); }
  void loop(int count, const std::function<void(int, int)>& body);

 private:
  // Shares the loop out over them and the calling thread.
  void share(int count, const std::function<void(int, int)>& body);
  void work(int worker);
  // Takes iterations of the current loop until none is left.
  void run_share(const std::function<void(int, int)>& body, int count, int worker) noexcept;

  const int looks_;
  std::mutex loop_;  // held by the thread whom the workers help
  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  const std::function<void(int, int)>* body_ = nullptr;
  std::atomic<int64_t> next_{0};  // every worker counts it past the end once: more than an int holds
  int count_ = 0;
  std::atomic<int> started_{0};
  std::atomic<int> busy_{0};    // changed, like generation_ and stop_, while mutex_ is held
  std::exception_ptr failure_;  // the current loop's first, guarded by mutex_
  std::atomic<uint64_t> generation_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

ThreadPool::ThreadPool(int threads) {
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  workers_ = std::make_unique<Workers>(std::clamp(threads > 0 ? threads : cores, 1, kMaxThreads) - 1);
  threads_ = workers_->count() + 1;
}

ThreadPool::~ThreadPool() = default;

void ThreadPool::parallel_for(int count, const std::function<void(int, int)>& body) {
  workers_->loop(count, body);
}

ThreadPool::Workers::Workers(int wanted)
    : looks_(wanted < static_cast<int>(std::thread::hardware_concurrency()) ? kLooks : 0) {
  threads_.reserve(wanted);
  try {
    for (int worker = 1; worker <= wanted; ++worker) {
      threads_.emplace_back([this, worker] { work(worker); });
    }
  } catch (const std::system_error&) {  // no more threads than these: fewer do the same work
  } catch (const std::bad_alloc&) {
  }
  for (int started = 0; (started = started_) < count();) started_.wait(started);
}

ThreadPool::Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
}

void ThreadPool::Workers::loop(int count, const std::function<void(int, int)>& body) {
  const bool nested = inside.workers == this;
  if (nested || threads_.empty() || count <= 1) {
    const int worker = nested ? inside.worker : 0;
    for (int i = 0; i < count; ++i) body(i, worker);
    return;
  }
  const std::unique_lock lock(loop_, std::try_to_lock);
  if (lock.owns_lock()) {
    share(count, body);
    return;
  }
  const Entered alone({this, 0});
  for (int i = 0; i < count; ++i) body(i, 0);
}

void ThreadPool::Workers::share(int count, const std::function<void(int, int)>& body) {
  {
    const std::lock_guard lock(mutex_);
    body_ = &body;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    busy_ = static_cast<int>(threads_.size());
    ++generation_;
  }
  wake_.notify_all();
  {
    const Entered mine({this, 0});
    run_share(body, count, 0);
  }
  look_out_for(looks_, [this] { return busy_ == 0; });
  std::exception_ptr failure;
  {
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return busy_ == 0; });
    body_ = nullptr;
    failure = std::exchange(failure_, nullptr);
  }
  if (failure) std::rethrow_exception(failure);
}

void ThreadPool::Workers::run_share(const std::function<void(int, int)>& body, int count,
                                    int worker) noexcept {
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

void ThreadPool::Workers::work(int worker) {
  inside = {this, worker};
  allocate_for_the_first_time();
  ++started_;
  started_.notify_one();
  uint64_t seen = 0;
  for (;;) {
    look_out_for(looks_, [&] { return stop_ || generation_ != seen; });
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
