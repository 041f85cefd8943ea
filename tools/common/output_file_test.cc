#include "output_file.h"

#include <fcntl.h>
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

TEST_F(OutputFileTest, MayBeBegunAgain) {
  auto file = OutputFile::create(path("f"));
  ASSERT_TRUE(file.ok());
  ASSERT_TRUE(file->write(bytes("much longer")).ok());
  ASSERT_TRUE(file->restart().ok());
  ASSERT_TRUE(file->write(bytes("short")).ok());
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(contents(path("f")), "short");
}

TEST_F(OutputFileTest, DescriptorsAreWrittenFromWhereTheyStand) {
  put(path("log"), "before ");
  const int descriptor = open(path("log").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  ASSERT_GE(descriptor, 0);
  const std::string name = "/dev/fd/" + std::to_string(descriptor);
  fs::create_symlink(name, path("link"));
  for (const std::string& way : {name, "/proc/self/fd/" + std::to_string(descriptor), path("link")}) {
    auto file = OutputFile::create(way);
    ASSERT_TRUE(file.ok()) << way << ": " << file.error().message;
    EXPECT_TRUE(file->is_direct());
    EXPECT_FALSE(file->is_stdout());
    ASSERT_TRUE(file->write(bytes("x")).ok());
    ASSERT_TRUE(file->commit().ok());
  }
  close(descriptor);
  EXPECT_EQ(contents(path("log")), "before xxx");
  const auto closed = OutputFile::create(name);
  ASSERT_FALSE(closed.ok());
  EXPECT_EQ(closed.error().code, ErrorCode::kIo);
}

TEST_F(OutputFileTest, IsNeverAnInput) {
  put(path("in"), "precious");
  fs::create_symlink("in", path("symbolic"));
  fs::create_hard_link(path("in"), path("hard"));
  for (const char* out : {"in", "symbolic", "hard"}) {
    const auto file = OutputFile::create(path(out), {"", path("missing"), path("in")});
    ASSERT_FALSE(file.ok()) << out;
    EXPECT_EQ(file.error().code, ErrorCode::kUsage);
  }
  EXPECT_TRUE(OutputFile::create(path("new"), {path("in"), ""}).ok());
  EXPECT_TRUE(OutputFile::create("/dev/null", {"/dev/null"}).ok());
  EXPECT_EQ(contents(path("in")), "precious");
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
  EXPECT_TRUE(file->is_direct());
  EXPECT_FALSE(file->is_stdout());
  EXPECT_EQ(file->seek(0, SEEK_SET), -1);
  EXPECT_EQ(file->read({}), -1);
  EXPECT_TRUE(file->write(bytes("x")).ok());
  EXPECT_TRUE(file->commit().ok());
}

}  // namespace
}  // namespace compass::tools
