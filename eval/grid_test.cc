#include "eval/grid.h"

#include <gtest/gtest.h>

#include <set>

#include "eval/process.h"

namespace compass::eval {
namespace {

TEST(Grid, SizesTruncate) {
  const std::vector<Size> sizes = layout_sizes(paper_three_layers(1.2, 2.4), {768, 512});
  ASSERT_EQ(sizes.size(), 3U);
  EXPECT_EQ(sizes[0], (Size{192, 128}));
  EXPECT_EQ(sizes[1], (Size{230, 153}));  // 230.4 x 153.6
  EXPECT_EQ(sizes[2], (Size{460, 307}));  // 460.8 x 307.2
  EXPECT_EQ(layout_sizes(even_layout(3), {1, 1}), (std::vector<Size>{{1, 1}, {1, 1}, {1, 1}}));
}

TEST(Grid, TopLayersBeyondTrainingAreThePictureItself) {
  const std::vector<Size> sizes = layout_sizes(paper_three_layers(2.0, 4.5), {768, 512});
  EXPECT_EQ(sizes[2], (Size{768, 512}));
  EXPECT_EQ(sizes[0], (Size{170, 113}));
}

TEST(Grid, EvenLayouts) {
  EXPECT_EQ(even_layout(3).scales, (std::vector<double>{0.25, 0.5, 1}));
  const Layout nine = even_layout(9);
  EXPECT_EQ(nine.scales.size(), 9U);
  EXPECT_DOUBLE_EQ(nine.scales[4], 0.5);
}

TEST(Grid, PaperHoldsEveryExperimentOnce) {
  const Grid grid = *load_grid("paper");
  std::set<std::string> names;
  for (const Layout& l : grid.layouts) names.insert(l.name);
  EXPECT_EQ(names.size(), grid.layouts.size());
  EXPECT_EQ(grid.layouts.size(), 5U + 9 + 20 + 4);
  EXPECT_EQ(grid.lambdas.size(), 4U);
  EXPECT_EQ(load_grid("quick")->layouts.size(), 1U);
  EXPECT_EQ(load_grid("quick")->layouts[0].name, "x1.0 x2.0 x4.0");
}

TEST(Grid, LambdasHaveQualities) {
  using Qualities = std::vector<std::string>;
  EXPECT_EQ(qualities_at({0.001, 0.01, 0.02}, {0.0001, 0.001, 0.0031623, 0.01, 0.0141421, 0.02, 1.0}),
            (Qualities{"0.0", "25.0", "50.0", "75.0", "100.0"}));  // one at either end
  EXPECT_EQ(qualities_at({0.0018, 0.0035, 0.0067, 0.013}, load_grid("paper")->lambdas),
            (Qualities{"0.0", "33.3", "66.7", "100.0"}));
  EXPECT_EQ(qualities_at({0.0067}, {0.0018, 0.013}), (Qualities{"0.0"}));
}

TEST(Grid, FromAFile) {
  const Workspace w = std::move(*Workspace::create());
  const std::string path = w.file("grid.json");
  ASSERT_TRUE(write_file(
      path, std::string(
                R"({"layouts": [[0.3, 1], [1]], "qualities": [10, 90.5], "settings": {"jxl": ["5", 2]}})")));
  const Result<Grid> grid = load_grid(path);
  ASSERT_TRUE(grid) << grid.error().message;
  ASSERT_EQ(grid->layouts.size(), 2U);
  EXPECT_EQ(grid->layouts[0].name, "0.3 1");
  EXPECT_EQ(grid->qualities, (std::vector<std::string>{"10", "90.5"}));
  EXPECT_EQ(grid->settings.at("jxl"), (std::vector<std::string>{"5", "2"}));
  for (const char* bad : {"", "[]", "{}", R"({"layouts": []})", R"({"layouts": [[]]})",
                          R"({"layouts": [[2]]})", R"({"layouts": [[1, 0.5]]})", R"({"layouts": [["a"]]})",
                          R"({"layouts": 3})", R"({"layouts": [[0]]})"}) {
    ASSERT_TRUE(write_file(path, std::string(bad)));
    EXPECT_FALSE(load_grid(path)) << bad;
  }
  EXPECT_FALSE(load_grid("no-such-grid"));
}

}  // namespace
}  // namespace compass::eval
