#include "plain_text.h"

#include <gtest/gtest.h>

namespace compass::tools {
namespace {

TEST(PlainText, KeepsWhatCanBeShown) {
  for (const char* text : {"", "photo.png", "a b'c\"", "Grüße", "日本語", "😀", "e\xCC\x81"}) {
    EXPECT_EQ(plain_line(text), text);
    EXPECT_EQ(plain_text(text), text);
  }
}

TEST(PlainText, ControlCharactersAreShownAsSuch) {
  EXPECT_EQ(plain_line("no\n\x1b[31msuch\r\t\x7f"), "no??[31msuch???");
  EXPECT_EQ(plain_line(std::string_view("a\0b", 3)), "a?b");
  EXPECT_EQ(plain_line("\xC2\x9B"
                       "31m"),
            "?31m");  // U+009B begins a sequence, too
  EXPECT_EQ(plain_line("\xE2\x80\xAE"
                       "gnp.exe"),
            "?gnp.exe");  // written from right to left
  EXPECT_EQ(plain_line("a\xE2\x80\xA8"
                       "b\xE2\x80\xA9"
                       "c"),
            "a?b?c");  // separators of lines and paragraphs
  EXPECT_EQ(plain_text("one\ntwo\x1b\n"), "one\ntwo?\n");
}

TEST(PlainText, WhatIsNotUtf8IsReplacedByteByByte) {
  constexpr const char* kMark = "\xEF\xBF\xBD";
  EXPECT_EQ(plain_line("x\xFF.cmps"), std::string("x") + kMark + ".cmps");
  EXPECT_EQ(plain_line("\xC3"), kMark);                                       // cut
  EXPECT_EQ(plain_line("\xC0\x9B"), std::string(kMark) + kMark);              // longer than needed
  EXPECT_EQ(plain_line("\xED\xA0\x80"), std::string(kMark) + kMark + kMark);  // a surrogate
  EXPECT_EQ(plain_line("\xF4\x90\x80\x80"), std::string(kMark) + kMark + kMark + kMark);  // above U+10FFFF
  EXPECT_EQ(plain_line("\xE2\x82Z"), std::string(kMark) + kMark + "Z");                   // cut within
}

TEST(PlainText, JsonMeansTheSame) {
  EXPECT_EQ(plain_json("{\n  \"a\": \"\xC2\x9B\x7F\"\n}\n"), "{\n  \"a\": \"\\u009b\\u007f\"\n}\n");
}

}  // namespace
}  // namespace compass::tools
