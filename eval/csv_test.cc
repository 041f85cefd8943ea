#include "eval/csv.h"

#include <gtest/gtest.h>

namespace compass::eval {
namespace {

TEST(Csv, HeaderCommentsQuotesAndCarriageReturns) {
  const Result<CsvTable> t = parse_csv("# source\na,b\r\n\n1,\"x, \"\"y\"\"\"\n,2", "t");
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(t->columns, (std::vector<std::string>{"a", "b"}));
  ASSERT_EQ(t->rows.size(), 2U);
  EXPECT_EQ(t->rows[0][1], "x, \"y\"");
  EXPECT_EQ(t->rows[1][0], "");
  EXPECT_EQ(t->column("b"), 1);
  EXPECT_EQ(t->column("c"), -1);
}

TEST(Csv, RefusesRaggedRowsOpenQuotesAndEmptyFiles) {
  const Result<CsvTable> ragged = parse_csv("a,b\n1,2\n3\n", "t.csv");
  ASSERT_FALSE(ragged);
  EXPECT_NE(ragged.error().message.find("t.csv:3"), std::string::npos);
  EXPECT_FALSE(parse_csv("a,b\n\"1,2\n", "t"));
  EXPECT_FALSE(parse_csv("# nothing\n", "t"));
  EXPECT_FALSE(read_csv("/nonexistent/file.csv"));
}

TEST(Csv, WhatIsWrittenReadsBack) {
  const std::vector<std::string> fields{"plain", "a,b", "say \"so\"", "#1", ""};
  const Result<CsvTable> t = parse_csv("1,2,3,4,5\n" + csv_line(fields), "t");
  ASSERT_TRUE(t) << t.error().message;
  EXPECT_EQ(t->rows[0], fields);
}

TEST(Csv, Numbers) {
  EXPECT_EQ(*parse_number("-1.5e3"), -1500);
  EXPECT_FALSE(parse_number(""));
  EXPECT_FALSE(parse_number("1x"));
  EXPECT_FALSE(parse_number("inf"));
  EXPECT_FALSE(parse_number("nan"));
}

}  // namespace
}  // namespace compass::eval
