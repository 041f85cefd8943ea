#include "serve/answer_cache.h"

#include <gtest/gtest.h>

namespace compass::tools::serve {
namespace {

std::shared_ptr<const Body> bytes(size_t count) {
  return body_of(std::string(count, 'x'));
}

TEST(AnswerCache, TheLeastRecentlyUsedGoes) {
  AnswerCache cache(303);
  cache.keep("a", bytes(100));
  cache.keep("b", bytes(100));
  cache.keep("c", bytes(100));
  EXPECT_EQ(cache.bytes(), 303U);
  EXPECT_NE(cache.find("a"), nullptr);
  cache.keep("d", bytes(100));
  EXPECT_EQ(cache.find("b"), nullptr);
  for (const char* key : {"a", "c", "d"}) EXPECT_NE(cache.find(key), nullptr) << key;
  EXPECT_EQ(cache.bytes(), 303U);
}

TEST(AnswerCache, WhatIsTooLargeIsNotKept) {
  AnswerCache cache(10);
  cache.keep("a", bytes(10));
  EXPECT_EQ(cache.find("a"), nullptr);
  cache.keep("a", bytes(9));
  cache.keep("a", bytes(3));  // the same, as another request made it
  EXPECT_EQ(cache.find("a")->size(), 9U);
  EXPECT_EQ(cache.bytes(), 10U);
}

}  // namespace
}  // namespace compass::tools::serve
