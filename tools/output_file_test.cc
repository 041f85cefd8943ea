#include "output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "compass-output-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string path(const char* name) const { return (directory_ / name).string(); }
  size_t entries() const {
    return static_cast<size_t>(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }
  static std::string contents(const std::string& name) {
    std::ifstream in(name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void put(const std::string& name, const std::string& text) {
    std::ofstream(name, std::ios::binary) << text;
  }
  static std::vector<uint8_t> bytes(const std::string& text) { return {text.begin(), text.end()}; }

  fs::path directory_;
};

TEST_F(OutputFileTest, AppearsOnlyWhenCommitted) {
  auto file = OutputFile::create(path("new"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write(bytes("hello ")).ok());
  ASSERT_TRUE(file->write(bytes("world")).ok());
  EXPECT_FALSE(fs::exists(path("new")));
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(contents(path("new")), "hello world");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(OutputFileTest, KeepsTheOldFileUnlessCommitted) {
  put(path("old"), "before");
  {
    auto file = OutputFile::create(path("old"));
    ASSERT_TRUE(file.ok());
    ASSERT_TRUE(file->write(bytes("after")).ok());
  }
  EXPECT_EQ(contents(path("old")), "before");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(OutputFileTest, ReplacingKeepsPermissionsAndFollowsLinks) {
  put(path("old"), "before");
  ASSERT_EQ(chmod(path("old").c_str(), 0640), 0);
  fs::create_symlink("old", path("link"));
  auto file = OutputFile::create(path("link"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write(bytes("after")).ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(contents(path("old")), "after");
  EXPECT_EQ(fs::status(path("old")).permissions(), fs::perms(0640));
  EXPECT_EQ(entries(), 2U);
}

TEST_F(OutputFileTest, MayBeRewound) {
  auto file = OutputFile::create(path("f"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write(bytes("0123")).ok());
  ASSERT_EQ(file->seek(1, SEEK_SET), 1);
  ASSERT_TRUE(file->write(bytes("x")).ok());
  uint8_t next = 0;
  ASSERT_EQ(file->read({&next, 1}), 1);
  EXPECT_EQ(next, '2');
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(contents(path("f")), "0x23");
}

TEST_F(OutputFileTest, RefusesDirectoriesAndMissingPlaces) {
  for (const std::string& bad :
       {directory_.string(), directory_.string() + "/", path("no/such/place"), std::string()}) {
    const auto file = OutputFile::create(bad);
    ASSERT_FALSE(file.ok()) << bad;
    EXPECT_EQ(file.error().code, ErrorCode::kIo) << bad;
  }
  EXPECT_EQ(entries(), 0U);
}

TEST_F(OutputFileTest, AFullDiskIsAnIoError) {
  if (!fs::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  auto file = OutputFile::create("/dev/full");
  ASSERT_TRUE(file.ok());
  const Status status = file->write(bytes("x"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::kIo);
  EXPECT_NE(status.error().message.find("No space left"), std::string::npos);
  EXPECT_FALSE(file->commit().ok());  // and the error stays
}

TEST_F(OutputFileTest, DevicesAreWrittenDirectly) {
  auto file = OutputFile::create("/dev/null");
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(file->write(bytes("x")).ok());
  EXPECT_TRUE(file->commit().ok());
}

}  // namespace
}  // namespace compass::tools
