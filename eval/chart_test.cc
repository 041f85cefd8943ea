#include "eval/chart.h"

#include <gtest/gtest.h>

#include <cmath>

namespace compass::eval {
namespace {

size_t count(const std::string& text, const std::string& part) {
  size_t n = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++n;
  return n;
}

TEST(Chart, Ticks) {
  EXPECT_EQ(linear_ticks(26.3, 38.2, 6), (std::vector<double>{28, 30, 32, 34, 36, 38}));
  EXPECT_EQ(linear_ticks(0, 1, 2).size(), 3U);
  EXPECT_EQ(log_ticks(0.09, 2.1), (std::vector<double>{0.1, 0.2, 0.5, 1, 2}));
  ASSERT_EQ(log_ticks(0.21, 0.4).size(), 1U);
  EXPECT_DOUBLE_EQ(log_ticks(0.21, 0.4)[0], 0.3);
}

TEST(Chart, DrawsWhatCanBeDrawn) {
  const std::string svg =
      svg_chart({"T & T", "bpp", "dB"}, {{"a<b", "c0", {{0.1, 30, "first"}, {0.2, 33, "second"}}},
                                         {"none", "c1", {{0, 30, "zero"}, {1, HUGE_VAL, "inf"}}}});
  EXPECT_EQ(count(svg, "<circle"), 2U);
  EXPECT_EQ(count(svg, "<g class=\"series"), 1U);
  EXPECT_NE(svg.find("T &amp; T"), std::string::npos);
  EXPECT_NE(svg.find("a&lt;b"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
}

TEST(Chart, OnePointAndNothing) {
  const std::string svg = svg_chart({"t", "x", "y"}, {{"a", "c0", {{1, 30, "only"}}}});
  EXPECT_EQ(count(svg, "<circle"), 1U);
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg_chart({"t", "x", "y"}, {}), "");
}

}  // namespace
}  // namespace compass::eval
