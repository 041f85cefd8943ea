#include "parse.h"

#include <gtest/gtest.h>

namespace compass::tools {
namespace {

TEST(Parse, Numbers) {
  const auto list = parse_numbers("40,60.5,1e1");
  ASSERT_TRUE(list);
  EXPECT_EQ(*list, (std::vector<double>{40, 60.5, 10}));
  EXPECT_EQ(*parse_numbers("7"), std::vector<double>{7});
  for (const char* text : {"", ",", "1,", "1,,2", "a", "nan", "inf", "1 ", "0x1", "1;2"}) {
    EXPECT_FALSE(parse_numbers(text)) << text;
  }
}

TEST(Parse, Sizes) {
  EXPECT_EQ(*parse_size("768x512"), (Size{768, 512}));
  EXPECT_EQ(*parse_size("1x1"), (Size{1, 1}));
  for (const char* bad : {"", "x", "768", "768x", "x512", "0x5", "-1x5", "5x5x5", "5 x5", "1e3x5",
                          "99999999999x1", "768X512", "768x512,"}) {
    EXPECT_FALSE(parse_size(bad).ok()) << bad;
  }
  EXPECT_EQ(*parse_sizes("1x2,3x4"), (std::vector<Size>{{1, 2}, {3, 4}}));
  EXPECT_FALSE(parse_sizes("1x2,").ok());
  EXPECT_FALSE(parse_sizes("1x2;3x4").ok());
}

TEST(Parse, Scales) {
  EXPECT_EQ(*parse_scales("0.25,0.5,1"), (std::vector<double>{0.25, 0.5, 1.0}));
  EXPECT_EQ(*parse_scales("1/4,1/2,1"), (std::vector<double>{0.25, 0.5, 1.0}));
  for (const char* bad : {"", ",", "a", "0.5,", "1/0", "1/2/3", "nan", "inf", "0.5 1"}) {
    EXPECT_FALSE(parse_scales(bad).ok()) << bad;
  }
}

TEST(Parse, Regions) {
  EXPECT_EQ(*parse_rect("0,7,1,20"), (Rect{0, 7, 1, 20}));
  for (const char* bad : {"", "1,2,3", "1,2,3,4,5", "-1,0,5,5", "0,0,0,5", "0,0,5,", "a,b,c,d"}) {
    EXPECT_FALSE(parse_rect(bad).ok()) << bad;
  }
}

TEST(Parse, Amounts) {
  EXPECT_EQ(*parse_amount("0"), 0U);
  EXPECT_EQ(*parse_amount("400000000"), 400'000'000U);
  EXPECT_EQ(*parse_amount("400M"), 400'000'000U);
  EXPECT_EQ(*parse_amount("1.5k"), 1500U);
  EXPECT_EQ(*parse_amount("2G"), 2'000'000'000U);
  for (const char* bad : {"", "M", "-1", "1T", "1MM", "nan", "1e30G", "M1"}) {
    EXPECT_FALSE(parse_amount(bad).ok()) << bad;
  }
}

TEST(Parse, WholeNumbers) {
  for (const char* good : {"0", "7", "-3", "10", "1000000000000"})
    EXPECT_TRUE(check_whole_number(good).ok()) << good;
  for (const char* bad : {"", "-", "+1", "1.0", "1e3", "0x10", "010", " 1", "1 ", "nan", "true", "1\n"}) {
    EXPECT_FALSE(check_whole_number(bad).ok()) << bad;
  }
}

TEST(Parse, DecimalNumbers) {
  for (const char* good : {"0", "-3", "0.25", ".5", "1e3", "100"})
    EXPECT_TRUE(check_decimal_number(good).ok()) << good;
  for (const char* bad :
       {"", "-", "+1", "0x10", "nan", "-nan", "inf", "-inf", "infinity", "1e400", "1,5", " 1", "1 ", "1x"}) {
    EXPECT_FALSE(check_decimal_number(bad).ok()) << bad;
  }
}

TEST(Parse, MessagesCannotCarryControlCharacters) {
  EXPECT_EQ(parse_size("\x1b[31m").error().message, "'?[31m' is not a size such as 768x512");
}

}  // namespace
}  // namespace compass::tools
