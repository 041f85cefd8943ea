#include "eval/anchors.h"

#include <gtest/gtest.h>

#include <set>

#include "eval/results.h"

namespace compass::eval {
namespace {

TEST(Anchors, EveryFileReadsAndStatesItsSource) {
  EXPECT_EQ(anchor_texts().size(), 10U);
  for (const auto& [name, text] : anchor_texts()) {
    EXPECT_TRUE(text.starts_with("# ")) << name;
    const Result<CsvTable> table = anchor_table(name);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_FALSE(table->rows.empty()) << name;
  }
  EXPECT_FALSE(anchor_table("no such file"));
}

TEST(Anchors, PublishedCurve) {
  const QuotedCurve curve = published_single_layer();
  ASSERT_EQ(curve.rd.size(), 8U);
  EXPECT_EQ(curve.rd[0], (RdPoint{0.12392, 27.69947}));
}

// The figures that these curves must give against the published one, computed with numpy and scipy.
TEST(Anchors, PeersAgainstThePublishedCurve) {
  const QuotedCurve published = published_single_layer();
  std::map<std::string, double> values;
  for (const QuotedCurve& c : quoted_peers()) {
    const Result<BdValue> bd = bd_rate(published.rd, c.rd, Interpolation::kPchip);
    if (bd) values[c.label + ", " + c.scheme] = bd->value;
  }
  EXPECT_NEAR(values["AV1 SVC, one stream"], 27.54, 0.01);
  EXPECT_NEAR(values["JPEG 2000, one stream"], 27.96, 0.01);
  EXPECT_NEAR(values["AVIF 4:4:4, simulcast"], 53.28, 0.01);
}

TEST(Anchors, LayersOfShvc) {
  for (const int layer : {0, 1, 2}) EXPECT_EQ(quoted_shvc(layer).rd.size(), 5U);
  // Its line for QP 22: .1188, .3731 and 1.3065 bits for a pixel of the top layer.
  EXPECT_NEAR(quoted_shvc(0).rd.back().rate, 0.1188 * 16, 1e-9);
  EXPECT_NEAR(quoted_shvc(1).rd.back().rate, (0.1188 + 0.3731) * 4, 1e-9);
  EXPECT_EQ(quoted_shvc(2).rd.back().rate, 1.8028);  // headers included
  EXPECT_EQ(quoted_shvc(1).rd.back().quality, 37.640);
}

TEST(Anchors, CellsOfThePaper) {
  const std::vector<PaperCell> cells = paper_cells();
  EXPECT_EQ(cells.size(), 50U + 138U);
  const Grid grid = *load_grid("paper");
  std::set<std::string> layouts;
  for (const Layout& l : grid.layouts) layouts.insert(l.name);
  for (const PaperCell& cell : cells) {
    EXPECT_TRUE(layouts.contains(cell.layout.name))
        << cell.layout.name;  // the paper grid measures all of them
    EXPECT_LT(cell.layer, static_cast<int>(cell.layout.scales.size()));
  }
  const auto find = [&](const std::string& table, const std::string& method, const Layout& layout,
                        int layer) {
    for (const PaperCell& c : cells) {
      if (c.table == table && c.method == method && c.layout == layout && c.layer == layer) return c.bd_rate;
    }
    return 0.0;
  };
  EXPECT_EQ(find("poster", "Single-layer (Mean-Scale)", paper_three_layers(2.0, 4.0), 2), 4.74);
  EXPECT_EQ(find("poster", "SHVC", paper_two_layers(1.2), 1), -53.88);
  EXPECT_EQ(find("suppl. 1", "SHVC", paper_three_layers(2.0, 4.0), 0), -24.97);
  EXPECT_EQ(find("suppl. 5", "Simulcast (Mean-scale)", paper_three_layers(2.0, 6.0), 2), -17.85);
}

}  // namespace
}  // namespace compass::eval
