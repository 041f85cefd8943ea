#include "serve/folder.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace compass::tools::serve {
namespace {

namespace fs = std::filesystem;

class Folders : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "folder_test.XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    root_ = name;
    write("secret", "secret");
    write("open/a.txt", "12345");
    write("open/b/c.txt", "c");
    write("open/.hidden", "h");
    write("open/.git/config", "h");
    fs::create_symlink("../secret", root_ / "open/out");
    fs::create_symlink("..", root_ / "open/up");
    fs::create_symlink("b/c.txt", root_ / "open/in");
    fs::create_symlink("/etc/passwd", root_ / "open/away");
    ASSERT_EQ(mkfifo((root_ / "open/pipe").c_str(), 0600), 0);
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const std::string& name, const std::string& text) {
    fs::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << text;
  }
  std::shared_ptr<const OpenFile> file(const Folder& folder, std::vector<std::string> path) {
    return folder.file(path);
  }

  fs::path root_;
};

TEST_F(Folders, FilesBeneathAreOpen) {
  const auto folder = Folder::open((root_ / "open").string());
  ASSERT_TRUE(folder);
  const auto a = file(*folder, {"a.txt"});
  ASSERT_NE(a, nullptr);
  EXPECT_EQ(a->size(), 5U);
  EXPECT_EQ(*a->first(3), (std::vector<uint8_t>{'1', '2', '3'}));
  EXPECT_EQ(a->first(99)->size(), 5U);
  uint8_t byte = 0;
  EXPECT_EQ(a->read(4, &byte, 1), 1U);
  EXPECT_EQ(byte, '5');
  EXPECT_EQ(a->read(5, &byte, 1), 0U);
  EXPECT_NE(file(*folder, {"b", "c.txt"}), nullptr);
  EXPECT_NE(file(*folder, {"in"}), nullptr);  // a link that stays within
  const std::vector<std::string> b{"b"};
  EXPECT_TRUE(folder->is_folder(b));
}

TEST_F(Folders, NothingElseIs) {
  const auto folder = Folder::open((root_ / "open").string());
  ASSERT_TRUE(folder);
  for (const auto& path : std::vector<std::vector<std::string>>{{},
                                                                {""},
                                                                {"."},
                                                                {".."},
                                                                {"..", "secret"},
                                                                {"b", "..", "a.txt"},
                                                                {"../secret"},
                                                                {"/etc/passwd"},
                                                                {".hidden"},
                                                                {".git", "config"},
                                                                {"out"},
                                                                {"up", "secret"},
                                                                {"away"},
                                                                {"b"},
                                                                {"none"},
                                                                {"a.txt", "x"},
                                                                {"pipe"},
                                                                {std::string("a.txt\0x", 7)},
                                                                {std::string(5000, 'x')}}) {
    EXPECT_EQ(folder->file(path), nullptr) << (path.empty() ? "" : path.front());
  }
  const std::vector<std::string> up{"up"};
  EXPECT_FALSE(folder->is_folder(up));
}

TEST_F(Folders, ListsWhatIsPublic) {
  const auto folder = Folder::open((root_ / "open").string());
  ASSERT_TRUE(folder);
  const auto entries = folder->list({}, 100);
  ASSERT_TRUE(entries);
  std::vector<std::string> names;
  for (const FolderEntry& entry : *entries) names.push_back(entry.name);
  EXPECT_EQ(std::count(names.begin(), names.end(), "a.txt"), 1);
  EXPECT_EQ(std::count(names.begin(), names.end(), "b"), 1);
  EXPECT_EQ(std::count(names.begin(), names.end(), ".hidden"), 0);
  EXPECT_EQ(std::count(names.begin(), names.end(), "pipe"), 0);
  EXPECT_LE(folder->list({}, 1)->size(), 1U);
}

TEST_F(Folders, ATagChangesWithTheFile) {
  const auto folder = Folder::open((root_ / "open").string());
  const std::string before = file(*folder, {"a.txt"})->tag();
  EXPECT_EQ(file(*folder, {"a.txt"})->tag(), before);
  write("open/a.txt", "123456");
  EXPECT_NE(file(*folder, {"a.txt"})->tag(), before);
}

}  // namespace
}  // namespace compass::tools::serve
