#include "interop/zip_archive.h"

#include <gtest/gtest.h>

#include "interop/testing/checkpoint.h"

namespace compass {
namespace {

using test::bytes_of;
using test::zip_of;
using test::ZipFile;

constexpr uint64_t kLimit = 1 << 20;

std::string message_of(const std::string& raw) {
  const auto bytes = bytes_of(raw);
  const auto archive = ZipArchive::open(bytes);
  return archive ? "" : archive.error().message;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string content_of(const ZipArchive& archive, const std::string& name) {
  std::vector<uint8_t> buffer;
  const ZipEntry* entry = archive.find(name);
  if (entry == nullptr) return "(absent)";
  const auto content = read_entry(*entry, kLimit, buffer);
  return content ? std::string(content->begin(), content->end()) : content.error().message;
}

TEST(ZipArchive, ReadsStoredDeflatedAndWideEntries) {
  const std::string text(5000, 'x');
  for (const bool zip64 : {false, true}) {
    const auto bytes = bytes_of(zip_of({{"a/b", "hello"}, {"c", text, true}, {"empty", ""}}, zip64));
    EXPECT_TRUE(ZipArchive::looks_like(bytes));
    const auto archive = ZipArchive::open(bytes);
    ASSERT_TRUE(archive) << archive.error().message;
    EXPECT_EQ(archive->entries().size(), 3U);
    EXPECT_EQ(content_of(*archive, "a/b"), "hello");
    EXPECT_EQ(content_of(*archive, "c"), text);
    EXPECT_EQ(content_of(*archive, "empty"), "");
    EXPECT_EQ(archive->find("d"), nullptr);
    EXPECT_LT(archive->find("c")->payload.size(), 100U);
  }
}

TEST(ZipArchive, StoredEntriesAreNotCopied) {
  const auto bytes = bytes_of(zip_of({{"a", "hello"}}));
  const auto archive = ZipArchive::open(bytes);
  ASSERT_TRUE(archive);
  std::vector<uint8_t> buffer;
  const auto content = read_entry(*archive->find("a"), kLimit, buffer);
  ASSERT_TRUE(content);
  EXPECT_TRUE(buffer.empty());
  EXPECT_GE(content->data(), bytes.data());
  EXPECT_LT(content->data(), bytes.data() + bytes.size());
}

TEST(ZipArchive, FindsTheEndBehindAComment) {
  auto raw = zip_of({{"a", "hello"}});
  raw[raw.size() - 2] = 3;
  const auto bytes = bytes_of(raw + "PK!");
  const auto archive = ZipArchive::open(bytes);
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_EQ(content_of(*archive, "a"), "hello");
}

TEST(ZipArchive, EveryTruncationIsAnError) {
  for (const bool zip64 : {false, true}) {
    const std::string raw = zip_of({{"a", "hello"}, {"b", std::string(300, 'y'), true}}, zip64);
    for (size_t size = 0; size < raw.size(); ++size) {
      EXPECT_NE(message_of(raw.substr(0, size)), "") << size;
    }
  }
}

// Whatever a changed byte does, the result is an error or the true content: the CRC sees to that.
TEST(ZipArchive, NoSingleByteChangeGivesWrongContent) {
  for (const bool zip64 : {false, true}) {
    const std::string raw = zip_of({{"a", "hello"}, {"b", std::string(300, 'y'), true}}, zip64);
    for (size_t at = 0; at < raw.size(); ++at) {
      for (const int change : {0x01, 0x55, 0x80, 0xFF}) {
        std::string changed = raw;
        changed[at] = static_cast<char>(changed[at] ^ change);
        const auto bytes = bytes_of(changed);
        const auto archive = ZipArchive::open(bytes);
        if (!archive) continue;
        for (const auto& [name, entry] : archive->entries()) {
          std::vector<uint8_t> buffer;
          const auto content = read_entry(entry, kLimit, buffer);
          if (!content) continue;
          const std::string text(content->begin(), content->end());
          EXPECT_TRUE(text == "hello" || text == std::string(300, 'y')) << at << " " << text;
        }
      }
    }
  }
}

TEST(ZipArchive, BombsAreRefusedBeforeAllocation) {
  std::vector<uint8_t> buffer;
  // A true bomb: 8 MiB of zeros in 8 kB.
  const auto honest = bytes_of(zip_of({{"bomb", std::string(8 << 20, '\0'), true}}));
  auto archive = ZipArchive::open(honest);
  ASSERT_TRUE(archive);
  auto content = read_entry(*archive->find("bomb"), kLimit, buffer);
  ASSERT_FALSE(content);
  EXPECT_TRUE(contains(content.error().message, "the limit is 1048576"));
  EXPECT_EQ(buffer.capacity(), 0U);
  // A claim that deflate cannot keep.
  const auto liar = bytes_of(zip_of({{"bomb", "hello", true, uint64_t{1} << 40}}, true));
  archive = ZipArchive::open(liar);
  ASSERT_TRUE(archive);
  content = read_entry(*archive->find("bomb"), uint64_t{1} << 50, buffer);
  ASSERT_FALSE(content);
  EXPECT_TRUE(contains(content.error().message, "zip bomb"));
  EXPECT_EQ(buffer.capacity(), 0U);
  // More or less data than claimed.
  for (const uint64_t claim : {299, 301}) {
    const auto off = bytes_of(zip_of({{"b", std::string(300, 'y'), true, claim}}));
    archive = ZipArchive::open(off);
    ASSERT_TRUE(archive);
    EXPECT_FALSE(read_entry(*archive->find("b"), kLimit, buffer));
  }
}

TEST(ZipArchive, OddArchivesAreRefusedByName) {
  EXPECT_TRUE(contains(message_of(""), "no end-of-directory"));
  EXPECT_TRUE(contains(message_of(zip_of({{"a", "1"}, {"a", "2"}})), "'a' is there twice"));
  const std::string raw = zip_of({{"a", "hello"}});
  const size_t entry = raw.find("PK\x01\x02");
  const auto with = [&](size_t at, char value) {
    std::string changed = raw;
    changed[at] = value;
    return message_of(changed);
  };
  EXPECT_TRUE(contains(with(entry + 8, 1), "'a' is encrypted"));
  EXPECT_TRUE(contains(with(entry + 10, 12), "method 12"));
  EXPECT_TRUE(contains(with(entry + 20, 4), "two sizes"));
  EXPECT_TRUE(contains(with(entry + 42, 1), "not where the directory says"));
  EXPECT_TRUE(contains(with(entry + 23, 1), "reaches past the directory"));
  EXPECT_TRUE(contains(with(raw.size() - 12, 2), "claims 2 entries"));
}

}  // namespace
}  // namespace compass
