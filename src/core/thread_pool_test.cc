#include "core/thread_pool.h"

#include <gtest/gtest.h>

#include <numeric>

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

}  // namespace
}  // namespace compass
