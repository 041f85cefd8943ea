#include "memory_sink.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <limits>
#include <string>

#include "core/sanitized.h"

namespace compass::tools {
namespace {

std::vector<uint8_t> bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

std::string contents(const MemorySink& sink) {
  return {sink.bytes().begin(), sink.bytes().end()};
}

TEST(MemorySink, IsWrittenAsAFileIs) {
  MemorySink sink;
  ASSERT_TRUE(sink.write(bytes("0123456")).ok());
  EXPECT_EQ(sink.seek(-2, SEEK_CUR), 5);
  ASSERT_TRUE(sink.write(bytes("xyz")).ok());  // over the end
  EXPECT_EQ(sink.seek(1, SEEK_SET), 1);
  ASSERT_TRUE(sink.write(bytes("-")).ok());
  EXPECT_EQ(contents(sink), "0-234xyz");
  EXPECT_EQ(sink.seek(2, SEEK_END), 10);  // a gap holds zeros
  ASSERT_TRUE(sink.write(bytes("!")).ok());
  EXPECT_EQ(contents(sink), std::string("0-234xyz\0\0!", 11));
}

TEST(MemorySink, IsReadFromWhereItStands) {
  MemorySink sink;
  ASSERT_TRUE(sink.write(bytes("abcdef")).ok());
  std::vector<uint8_t> out(4);
  EXPECT_EQ(sink.read(out), 0);
  sink.seek(1, SEEK_SET);
  EXPECT_EQ(sink.read(out), 4);
  EXPECT_EQ(out, bytes("bcde"));
  EXPECT_EQ(sink.read(out), 1);
  sink.seek(100, SEEK_SET);
  EXPECT_EQ(sink.read(out), 0);
}

TEST(MemorySink, RefusesPlacesBeforeTheBeginning) {
  MemorySink sink;
  EXPECT_EQ(sink.seek(-1, SEEK_SET), -1);
  EXPECT_EQ(sink.seek(0, 77), -1);
  EXPECT_EQ(sink.seek(5, SEEK_SET), 5);
  EXPECT_EQ(sink.seek(std::numeric_limits<int64_t>::max(), SEEK_CUR), -1);
}

TEST(MemorySink, ErrorsStay) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer ends the program where memory is refused";
  MemorySink sink;
  ASSERT_EQ(sink.seek(std::numeric_limits<int64_t>::max() - 1, SEEK_SET),
            std::numeric_limits<int64_t>::max() - 1);
  EXPECT_FALSE(sink.write(bytes("x")).ok());  // as much memory as there is nowhere
  sink.seek(0, SEEK_SET);
  EXPECT_FALSE(sink.write({}).ok());
  EXPECT_FALSE(sink.restart().ok());
}

TEST(MemorySink, BeginsAgain) {
  MemorySink sink;
  ASSERT_TRUE(sink.write(bytes("long ago")).ok());
  ASSERT_TRUE(sink.restart().ok());
  ASSERT_TRUE(sink.write(bytes("now")).ok());
  EXPECT_EQ(contents(sink), "now");
}

}  // namespace
}  // namespace compass::tools
