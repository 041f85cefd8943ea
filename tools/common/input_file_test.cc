// What the library reads from: the header again and again, the rest once and forward, from files and pipes.
#include "input_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

namespace compass::tools {
namespace {

constexpr size_t kBytes = 40'000;  // more than is skipped at a time

std::vector<uint8_t> contents() {
  std::vector<uint8_t> bytes(kBytes);
  for (size_t i = 0; i < kBytes; ++i) bytes[i] = static_cast<uint8_t>(i * i % 251);
  return bytes;
}

void write_to(const std::string& path) {
  const std::vector<uint8_t> bytes = contents();
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(kBytes));
}

// `count` bytes from `offset` on, as the library asks for them; as many as there are; none: it failed.
std::vector<uint8_t> read(const compass_source& source, uint64_t offset, size_t count) {
  std::vector<uint8_t> bytes(count);
  const int64_t got = source.read(source.user, offset, bytes.data(), count);
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

std::vector<uint8_t> part(size_t offset, size_t count) {
  const std::vector<uint8_t> all = contents();
  const auto at = all.begin() + static_cast<std::ptrdiff_t>(offset);
  return {at, at + static_cast<std::ptrdiff_t>(count)};
}

void expect_reads(const std::string& path) {
  Result<InputFile> opened = InputFile::open(path);
  ASSERT_TRUE(opened) << opened.error().message;
  InputFile file = *std::move(opened);
  EXPECT_EQ(file.name(), path);
  ASSERT_EQ(file.peek(10)->size(), 10U);
  const auto head = file.peek(100);
  EXPECT_EQ(std::vector<uint8_t>(head->begin(), head->end()), part(0, 100));
  const compass_source source = file.source();
  for (int again = 0; again < 2; ++again) EXPECT_EQ(read(source, 5, 90), part(5, 90));
  EXPECT_EQ(read(source, 95, 10), part(95, 10));  // from both
  EXPECT_EQ(read(source, 30'000, 7), part(30'000, 7));
  EXPECT_EQ(read(source, 0, 100), part(0, 100));
  EXPECT_TRUE(read(source, 200, 1).empty());  // that is behind
  compass_error error{};
  const Error failure = file.error_of(COMPASS_IO, error);
  EXPECT_EQ(failure.code, ErrorCode::kIo);
  EXPECT_EQ(failure.message.rfind(path, 0), 0U) << failure.message;
  EXPECT_EQ(read(source, 39'999, 5), part(39'999, 1));
  EXPECT_TRUE(read(source, 50'000, 5).empty());
}

TEST(InputFile, ReadsFilesForward) {
  const std::string path = testing::TempDir() + "/input_file_test";
  write_to(path);
  expect_reads(path);
  Result<InputFile> file = InputFile::open(path);
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(file->bytes(), kBytes);
  ASSERT_EQ(file->peek(300)->size(), 300U);
  EXPECT_EQ(*file->read_up_to(20'000), part(0, 20'000));
  Result<InputFile> short_file = InputFile::open(path);
  EXPECT_EQ(*short_file->read_up_to(kBytes + 9), contents());
  EXPECT_EQ(InputFile::open(path)->peek(kBytes + 9)->size(), kBytes);
  std::remove(path.c_str());
}

TEST(InputFile, ReadsPipesForward) {
  const std::string path = testing::TempDir() + "/input_file_pipe";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  std::thread writer([&] { write_to(path); });
  expect_reads(path);
  writer.join();
  std::remove(path.c_str());
}

}  // namespace
}  // namespace compass::tools
