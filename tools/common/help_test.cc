#include "help.h"

#include <gtest/gtest.h>

namespace compass::tools {
namespace {

TEST(Help, WrapsAtTheWidth) {
  EXPECT_EQ(wrap("aa bb cc", 5, 0), "aa bb\ncc");
  EXPECT_EQ(wrap("aa bb cc", 6, 1), "aa bb\n cc");
  EXPECT_EQ(wrap("", 10, 2), "");
  EXPECT_EQ(wrap("a-word-longer-than-a-line b", 8, 2), "a-word-longer-than-a-line\n  b");
}

}  // namespace
}  // namespace compass::tools
