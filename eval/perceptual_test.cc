#include "eval/perceptual.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>

#include "eval/process.h"

namespace compass::eval {
namespace {

TEST(Perceptual, NumbersAreFound) {
  EXPECT_EQ(number_after("0.0123\n", ""), 0.0123);
  EXPECT_EQ(number_after("score 1 is\n-7.5", ""), -7.5);
  EXPECT_EQ(number_after("7.1\n3-norm: 2.25\n", "3-norm:"), 2.25);
  EXPECT_EQ(number_after("7.1\n", "3-norm:"), std::nullopt);
  EXPECT_EQ(number_after("3-norm:", "3-norm:"), std::nullopt);
  EXPECT_EQ(number_after("", ""), std::nullopt);
  EXPECT_EQ(number_after("none", ""), std::nullopt);
}

Picture picture(uint8_t value, Size size = {3, 2}) {
  Picture made(size);
  std::ranges::fill(made.rgb, value);
  return made;
}

// Programs of our own by those names, so that it does not matter which are installed.
class Programs : public testing::Test {
 protected:
  Programs() : workspace_(*Workspace::create()), path_(std::getenv("PATH")) {
    setenv("PATH", workspace_.file(".").c_str(), 1);
  }
  ~Programs() override { setenv("PATH", path_.c_str(), 1); }

  void put(const std::string& name, const std::string& script) {
    ASSERT_TRUE(write_file(workspace_.file(name), "#!/bin/sh\n" + script + "\n"));
    ASSERT_EQ(chmod(workspace_.file(name).c_str(), 0755), 0);
  }

  Workspace workspace_;
  std::string path_;
};

TEST_F(Programs, ThoseThatAreThereAreAsked) {
  auto scores = perceptual_scores(picture(1), picture(2));
  ASSERT_TRUE(scores) << scores.error().message;
  EXPECT_FALSE(scores->ssimulacra || scores->ssimulacra2 || scores->butteraugli);
  EXPECT_EQ(scores->missing.size(), 3U);
  EXPECT_EQ(installed_perceptual_metrics(), "");
  put("butteraugli_main", "echo 9.5; echo \"3-norm: 1.5\"");
  put("ssimulacra_main", "echo 0.25");
  scores = perceptual_scores(picture(1), picture(2));
  ASSERT_TRUE(scores) << scores.error().message;
  EXPECT_EQ(scores->butteraugli, 1.5);
  EXPECT_EQ(scores->ssimulacra, 0.25);
  EXPECT_FALSE(scores->ssimulacra2);
  EXPECT_EQ(installed_perceptual_metrics(), "ssimulacra, butteraugli");
}

TEST_F(Programs, FailuresAreTold) {
  put("butteraugli_main", "echo cannot read; exit 1");
  auto scores = perceptual_scores(picture(1), picture(2));
  ASSERT_TRUE(scores);
  EXPECT_FALSE(scores->butteraugli);
  EXPECT_NE(scores->missing.back().find("cannot read"), std::string::npos) << scores->missing.back();
  put("butteraugli_main", "echo hello");
  scores = perceptual_scores(picture(1), picture(2));
  ASSERT_TRUE(scores);
  EXPECT_FALSE(scores->butteraugli);
  EXPECT_EQ(perceptual_scores(picture(1), picture(2, {2, 3})).error().code, ErrorCode::kUsage);
}

}  // namespace
}  // namespace compass::eval
