#include "temporary_name.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

class TemporaryNameTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "compass-name-XXXXXX").string();
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string target() const { return (directory_ / "target").string(); }
  bool empty() const { return fs::is_empty(directory_); }

  TemporaryName made() const {
    TemporaryName name = TemporaryName::beside(target());
    std::ofstream(name.c_str()) << "unfinished";
    return name;
  }

  fs::path directory_;
};

TEST_F(TemporaryNameTest, TheFileGoesWithTheName) {
  {
    const TemporaryName name = made();
    EXPECT_EQ(fs::path(name.c_str()).parent_path(), directory_);
    EXPECT_FALSE(empty());
  }
  EXPECT_TRUE(empty());
}

TEST_F(TemporaryNameTest, StaysWhenReleased) {
  TemporaryName name = made();
  name.release();
  EXPECT_TRUE(name.empty());
  EXPECT_FALSE(empty());
}

TEST_F(TemporaryNameTest, MovesWithItsOwner) {
  TemporaryName first = made();
  TemporaryName second = std::move(first);
  EXPECT_FALSE(empty());
  second = TemporaryName();
  EXPECT_TRUE(empty());
}

TEST_F(TemporaryNameTest, ManyAreRemovedWhenASignalEndsTheProcess) {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    EXPECT_EXIT(
        {
          std::vector<TemporaryName> names;
          for (int i = 0; i < 100; ++i) names.push_back(made());
          raise(number);
        },
        testing::KilledBySignal(number), "");
    EXPECT_TRUE(empty());
  }
}

TEST_F(TemporaryNameTest, SignalsThatAreHandledElsewhereStayThere) {
  const auto before = std::signal(SIGTERM, SIG_IGN);
  const TemporaryName name = made();
  raise(SIGTERM);
  EXPECT_FALSE(empty());
  EXPECT_EQ(std::signal(SIGTERM, before), SIG_IGN);
}

}  // namespace
}  // namespace compass::tools
