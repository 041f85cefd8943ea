#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <future>
#include <limits>
#include <memory>
#include <new>
#include <numeric>
#include <stdexcept>
#include <string>

#include "core/background.h"
#include "core/sanitized.h"
#include "core/testing/limited.h"

namespace compass {
namespace {

TEST(ThreadPool, RunsEveryIterationOnce) {
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const int count : {0, 1, 2, 3, 1000}) {
      std::vector<int> hits(count, 0);
      pool.parallel_for(count, [&](int i, int worker) {
        ASSERT_LT(worker, threads);
        ++hits[i];
      });
      EXPECT_EQ(std::accumulate(hits.begin(), hits.end(), 0), count);
      for (const int h : hits) EXPECT_EQ(h, 1);
    }
  }
}

TEST(ThreadPool, NestedLoopsRunSerially) {
  ThreadPool pool(3);
  std::vector<int> hits(64, 0);
  pool.parallel_for(8, [&](int i, int worker) {
    pool.parallel_for(8, [&](int j, int inner_worker) {
      EXPECT_EQ(inner_worker, worker);
      ++hits[i * 8 + j];
    });
  });
  for (const int h : hits) EXPECT_EQ(h, 1);
}

TEST(ThreadPool, IsSharedByThreads) {
  ThreadPool pool(3);
  constexpr int kCallers = 4;
  std::vector<int64_t> sums(kCallers);
  std::vector<std::thread> callers;
  for (int caller = 0; caller < kCallers; ++caller) {
    callers.emplace_back([&pool, &sum = sums[caller]] {
      for (int round = 0; round < 300; ++round) {
        std::vector<int64_t> by_worker(3);  // a race if two iterations ran as the same worker
        pool.parallel_for(20, [&](int i, int worker) {
          pool.parallel_for(2, [&](int /*j*/, int inner) {
            EXPECT_EQ(inner, worker);
            by_worker[inner] += i;
          });
        });
        sum += std::accumulate(by_worker.begin(), by_worker.end(), int64_t{0});
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (const int64_t sum : sums) EXPECT_EQ(sum, 300 * 2 * 190);
}

// A second caller does not wait for the first one's loop, which here ends only after the second's.
TEST(ThreadPool, RunsALoopAloneWhileTheWorkersAreBusy) {
  ThreadPool pool(2);
  std::promise<void> started, second_done;
  std::atomic<int> entered{0};
  auto waiting = second_done.get_future().share();
  auto first = std::async(std::launch::async, [&] {
    pool.parallel_for(2, [&](int, int) {
      if (entered.fetch_add(1) == 0) started.set_value();
      waiting.wait();
    });
  });
  started.get_future().wait();
  int count = 0;
  pool.parallel_for(7, [&](int, int worker) {
    EXPECT_EQ(worker, 0);
    ++count;
  });
  second_done.set_value();
  first.get();
  EXPECT_EQ(count, 7);
}

TEST(ThreadPool, ManyShortLoops) {
  ThreadPool pool(2);
  int64_t sum = 0;
  for (int round = 0; round < 5000; ++round) {
    std::atomic<int> local{0};
    pool.parallel_for(3, [&](int i, int) { local += i; });
    sum += local;
  }
  EXPECT_EQ(sum, 15000);
}

// A loop's body that counts who is inside it, and throws in iteration `bad`.
struct Thrower {
  int bad = 0;
  std::atomic<int> inside{0};
  std::atomic<int> begun{0};
  void run(int i) {
    ++inside;
    ++begun;
    if (i == bad) {
      --inside;
      throw std::runtime_error("iteration " + std::to_string(i));
    }
    --inside;
  }
};

TEST(ThreadPool, AnExceptionComesOutOfTheLoop) {
  constexpr int kCount = 20000;
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (const int bad : {0, 1, 77, kCount - 1}) {
      const auto body =
          std::make_unique<Thrower>();  // destroyed afterwards: a thread that still used it would crash
      body->bad = bad;
      std::string message;
      try {
        pool.parallel_for(kCount, [&](int i, int) { body->run(i); });
      } catch (const std::runtime_error& error) {
        message = error.what();
      }
      EXPECT_EQ(message, "iteration " + std::to_string(bad)) << threads << " threads";
      EXPECT_EQ(body->inside, 0);
      EXPECT_LE(body->begun, kCount);
      if (threads == 1) {
        EXPECT_EQ(body->begun, bad + 1);
      }
    }
    std::atomic<int> sum{0};
    pool.parallel_for(100, [&](int i, int) { sum += i; });
    EXPECT_EQ(sum, 4950);
  }
}

TEST(ThreadPool, WhereAllThrowOneExceptionComesOut) {
  ThreadPool pool(4);
  for (int round = 0; round < 500; ++round) {
    EXPECT_THROW(pool.parallel_for(64, [](int, int) { throw std::bad_alloc(); }), std::bad_alloc);
  }
  std::atomic<int> runs{0};
  pool.parallel_for(64, [&](int, int) { ++runs; });
  EXPECT_EQ(runs, 64);
}

TEST(ThreadPool, IterationsThatHaveNotBegunAreLeftOut) {
  ThreadPool pool(2);
  std::atomic<int64_t> begun{0};
  constexpr int kCount = std::numeric_limits<int>::max();  // hours, were they all run
  EXPECT_THROW(pool.parallel_for(kCount,
                                 [&](int, int) {
                                   if (++begun > 1000) throw std::runtime_error("enough");
                                 }),
               std::runtime_error);
  EXPECT_LT(begun, 1'000'000);
}

TEST(ThreadPool, ExceptionsOfNestedLoopsComeOutOfTheOuterOne) {
  ThreadPool pool(3);
  for (int round = 0; round < 100; ++round) {
    EXPECT_THROW(pool.parallel_for(8,
                                   [&](int i, int) {
                                     pool.parallel_for(8, [&](int j, int) {
                                       if (i == 5 && j == 3) throw std::out_of_range("nested");
                                     });
                                   }),
                 std::out_of_range);
  }
  std::atomic<int> sum{0};
  pool.parallel_for(8, [&](int i, int) { pool.parallel_for(8, [&](int j, int) { sum += 8 * i + j; }); });
  EXPECT_EQ(sum, 2016);
}

TEST(ThreadPool, NoMoreThreadsThanTheLimit) {
  ThreadPool pool(100'000);
  EXPECT_LE(pool.threads(), kMaxThreads);
  std::atomic<int> runs{0};
  pool.parallel_for(1000, [&](int, int) { ++runs; });
  EXPECT_EQ(runs, 1000);
}

TEST(ThreadPool, ThreadsThatCannotStartAreDoneWithout) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs the address space";
  // Room for a few stacks of 8 MB.
  for (const size_t room : {size_t{1} << 20, size_t{40} << 20}) {
    EXPECT_EXIT(in_room(room,
                        [] {
                          ThreadPool pool(200);
                          std::atomic<int> sum{0};
                          pool.parallel_for(1000, [&](int i, int) { sum += i; });
                          return pool.threads() >= 1 && pool.threads() < 200 && sum == 499'500;
                        }),
                testing::ExitedWithCode(0), "");
  }
}

TEST(Background, ResultsAndExceptionsComeOutOfGet) {
  EXPECT_EQ(in_background([] { return 7; }).get(), 7);
  auto bad = in_background([]() -> int { throw std::runtime_error("no"); });
  EXPECT_THROW(bad.get(), std::runtime_error);
}

// Did work run on the calling thread, where more was begun at once than the system starts threads for?
bool some_work_runs_here() {
  const auto here = std::this_thread::get_id();
  std::atomic<bool> all_begun{false};
  std::vector<std::future<std::thread::id>> work;
  for (int i = 0; i < 300; ++i) {
    work.push_back(in_background([&] {
      while (std::this_thread::get_id() != here && !all_begun) std::this_thread::yield();
      return std::this_thread::get_id();
    }));
  }
  all_begun = true;
  int done_here = 0;
  for (auto& one : work) done_here += one.get() == here ? 1 : 0;
  return done_here > 0;
}

TEST(Background, WorkIsDoneWhereNoThreadStarts) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer needs the address space";
  EXPECT_EXIT(in_room(size_t{40} << 20, some_work_runs_here), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace compass
