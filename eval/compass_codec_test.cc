#include "eval/compass_codec.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace compass::eval {
namespace {

std::shared_ptr<const Model> load(const std::string& name) {
  return *Model::load(std::string(COMPASS_SOURCE_DIR) + "/tests/data/" + name);
}

TEST(CompassPoints, TheSecondModelIsForHighQualities) {
  const auto low = load("tiny.safetensors"), high = load("tiny_trellis.safetensors");
  const auto points = compass_points({low, high}, {"0", "62.4", "62.5", "100"});
  ASSERT_TRUE(points) << points.error().message;
  ASSERT_EQ(points->size(), 4U);
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ((*points)[i].model, i < 2 ? low : high) << i;
  EXPECT_EQ((*points)[1].setting, "62.4");
  EXPECT_EQ((*points)[2].quality, 62.5);
}

TEST(CompassPoints, WhatMakesNoCurveIsRefused) {
  const auto model = load("tiny.safetensors");
  EXPECT_EQ(compass_points({model, model, model}, {"10"}).error().code, ErrorCode::kUsage);
  for (const char* wrong : {"101", "-1", "q", ""}) {
    EXPECT_EQ(compass_points({model}, {wrong}).error().code, ErrorCode::kUsage) << wrong;
  }
}

}  // namespace
}  // namespace compass::eval
