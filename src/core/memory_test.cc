#include "core/memory.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/tensor.h"

namespace compass {
namespace {

TEST(Memory, WhatIsNotDiscardedStays) {
  constexpr size_t kSize = size_t{24} << 20;
  AlignedVector<char> bytes(kSize, 'a');
  for (const auto& [first, last] :
       {std::pair<size_t, size_t>{0, 0}, {5, 3'000'000}, {7'000'001, 20'000'000}}) {
    discard(bytes.data() + first, last - first);
    EXPECT_TRUE(std::all_of(bytes.begin(), bytes.begin() + first, [](char c) { return c == 'a'; }));
    EXPECT_TRUE(std::all_of(bytes.begin() + last, bytes.end(), [](char c) { return c == 'a'; }));
    std::fill(bytes.begin() + first, bytes.begin() + last, 'a');  // it can be written anew
  }
  AlignedVector<char> few(100, 'b');
  discard(few.data(), few.size());  // less than a page
  EXPECT_EQ(few[50], 'b');
}

}  // namespace
}  // namespace compass
