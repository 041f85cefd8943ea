#include "eval/html_report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "eval/beside_paper.h"
#include "eval/figures.h"
#include "eval/summary.h"
#include "eval/terminal_report.h"

namespace compass::eval {
namespace {

std::vector<uint8_t> bytes(const std::string& text) {
  return {text.begin(), text.end()};
}

TEST(Base64, KnownValues) {  // RFC 4648, section 10
  EXPECT_EQ(base64(bytes("")), "");
  EXPECT_EQ(base64(bytes("f")), "Zg==");
  EXPECT_EQ(base64(bytes("fo")), "Zm8=");
  EXPECT_EQ(base64(bytes("foo")), "Zm9v");
  EXPECT_EQ(base64(bytes("foobar")), "Zm9vYmFy");
  EXPECT_EQ(base64({0xFF, 0xFE, 0x00}), "//4A");
}

Results sample() {
  Results results;
  results.facts = {{"model", "lite <1>"}, {"grid", "quick"}, {"how: compass", "compass encode"}};
  const auto add = [&](const char* image, const char* codec, const char* scheme, int q, int layer,
                       double factor) {
    Row r;
    r.image = image;
    r.codec = codec;
    r.scheme = scheme;
    r.layout = "x1.0 x2.0 x4.0";
    r.setting = std::to_string(q);
    r.layer = layer;
    r.layers = 3;
    r.width = 192 << layer;
    r.height = 192 << layer;
    r.bytes = r.bytes_total = static_cast<uint64_t>(factor * 1000 * q * (1 << 2 * layer));
    r.psnr = 25 + 2 * q;
    r.ms_ssim = 0.9 + 0.01 * q;
    r.encode_seconds = 0.5;
    r.decode_seconds = 0.25;
    results.rows.push_back(r);
  };
  for (const char* image : {"a.png", "b.png"}) {
    for (int q = 1; q <= 5; ++q) {
      for (int layer = 0; layer < 3; ++layer) {
        add(image, "compass", kOneStream, q, layer, 1.0);
        add(image, "compass-base", kSimulcast, q, layer, 1.25);
        add(image, "compass-base", kSingle, q, layer, 0.9);
        add(image, "jxl", kSimulcast, q, layer, 2.0);
      }
    }
  }
  results.failures.push_back({"c.png", "not <a> picture"});
  return results;
}

TEST(HtmlReport, HoldsCurvesTablesPicturesAndFailures) {
  const std::string html = html_report(sample(), {{"a.png", "original", "", 0, 0, bytes("png")},
                                                  {"a.png", "compass", "3", 0.5, 31, bytes("x")}});
  EXPECT_NE(html.find("<svg"), std::string::npos);
  EXPECT_NE(html.find("Base layer"), std::string::npos);
  EXPECT_NE(html.find("Picture by picture"), std::string::npos);
  EXPECT_NE(html.find("-20.0 %"), std::string::npos);  // against simulcast
  EXPECT_NE(html.find("data:image/png;base64,cG5n"), std::string::npos);
  EXPECT_NE(html.find("not &lt;a&gt; picture"), std::string::npos);
  EXPECT_NE(html.find("lite &lt;1&gt;"), std::string::npos);
  EXPECT_EQ(html.find("http"), std::string::npos);  // needs nothing from anywhere
}

TEST(Figures, EveryLayoutHasOne) {
  Results results = sample();
  std::vector<Row> rows = results.rows;
  for (Row r : rows) {
    if (r.layer > 1) continue;
    r.layout = "x1.0 <2>";
    r.layers = 2;
    results.rows.push_back(r);
  }
  const std::vector<Figure> made = figures(results);
  ASSERT_EQ(made.size(), 2U);
  EXPECT_EQ(made[0].name, "x1.0__2_");
  EXPECT_NE(made[0].svg.find("Layers x1.0 &lt;2&gt;"), std::string::npos);
  EXPECT_EQ(made[1].name, "x1.0_x2.0_x4.0");
  EXPECT_TRUE(made[1].svg.starts_with("<svg xmlns"));
  EXPECT_NE(made[1].svg.find(">simulcast, our base</text>"), std::string::npos);
  // 80,000 bytes, whatever the size of the picture.
  EXPECT_NE(made[1].svg.find("compass, one stream: 640.0 kb, 35.00 dB"), std::string::npos);
  EXPECT_TRUE(figures({}).empty());
}

TEST(HtmlReport, SurvivesEmptyResults) {
  EXPECT_NE(html_report({}, {}).find("</html>"), std::string::npos);
  Results only_failures;
  only_failures.failures.push_back({"all", "gone"});
  EXPECT_NE(html_report(only_failures, {}).find("gone"), std::string::npos);
}

TEST(Summary, TablesOfTheSample) {
  const Results results = sample();
  EXPECT_FALSE(is_kodak(results));
  const std::string text = terminal_report(results);
  EXPECT_NE(text.find("No BD-rate"),
            std::string::npos);  // not Kodak: nothing to hold against the published curve
  EXPECT_NE(text.find("Everyone against everyone"), std::string::npos);
  EXPECT_NE(text.find("not <a> picture"), std::string::npos);
  // The paper's simulcast cell at three layers, ours against our own base codec.
  const TextTable paper = beside_the_paper(results, shipped_family()).table;
  EXPECT_EQ(paper.rows().at(1),
            (std::vector<std::string>{"poster", "x1.0 x2.0 x4.0", "EL2", "Simulcast (Mean-Scale)", "-20.00",
                                      "-22.90", "+2.90"}));
}

TEST(Summary, SmallSystemsHaveATableOfTheirOwn) {
  Results results = sample();
  EXPECT_TRUE(beside_the_paper(results, pocket_family()).table.empty());
  const std::vector<Row> rows = results.rows;
  const auto add = [&](const char* codec, const char* scheme, uint64_t percent) {
    for (Row r : rows) {
      if (r.codec != "compass") continue;
      r.codec = codec;
      r.scheme = scheme;
      r.bytes_total = r.bytes_total * percent / 100;
      results.rows.push_back(r);
    }
  };
  add("pocket-compass", kOneStream, 100);
  add("pocket-factorised", kSimulcast, 200);
  add("pocket-mei-hyperprior", kOneStream, 125);
  add("pocket-liif", kOneStream, 80);
  const auto table = beside_the_paper(results, pocket_family()).table.rows();
  const auto has = [&](const std::vector<std::string>& row) {
    return std::ranges::find(table, row) != table.end();
  };
  EXPECT_TRUE(has({"poster", "x1.0 x2.0 x4.0", "EL2", "Mei et al. (enhanced)", "-20.00", "-14.23", "-5.77"}));
  EXPECT_TRUE(
      has({"suppl. 1", "x1.0 x2.0 x4.0", "BL", "Simulcast (Factorized)", "-50.00", "-12.96", "-37.04"}));
  EXPECT_TRUE(
      has({"ablation", "x1.0 x2.0 x4.0", "EL2", "LIIF in LIFF's place", "+25.00", "-0.64", "+25.64"}));
  for (const auto& row : table) EXPECT_NE(row[3], "Mei et al. (original)");  // was not measured

  // Two layers of Mei et al.'s are the first two of its three.
  Results two = results;
  for (Row r : results.rows) {
    if (r.codec != "pocket-compass" || r.layer > 1) continue;
    r.layout = "x1.0 x2.0";
    r.layers = 2;
    two.rows.push_back(r);
  }
  const auto with_two = beside_the_paper(two, pocket_family()).table.rows();
  const std::vector<std::string> cell{"poster", "x1.0 x2.0", "EL1",  "Mei et al. (enhanced)",
                                      "-20.00", "-13.52",    "-6.48"};
  EXPECT_NE(std::ranges::find(with_two, cell), with_two.end());

  // No table has both kinds.
  int small_sections = 0;
  for (const Section& section : sections(results)) {
    const bool small = section.title.starts_with("Small systems: ");
    const std::string text = section.table.plain();
    EXPECT_EQ(text.find(small ? "our base" : "pocket-"), std::string::npos) << section.title << '\n' << text;
    small_sections += small ? 1 : 0;
  }
  EXPECT_EQ(small_sections, 3);  // points, beside the paper, everyone against everyone
  const std::vector<Figure> drawn = figures(results);
  ASSERT_EQ(drawn.size(), 2U);
  EXPECT_EQ(drawn[0].svg.find("pocket-"), std::string::npos);
  EXPECT_EQ(drawn[1].name, "x1.0_x2.0_x4.0_small");
  EXPECT_EQ(drawn[1].svg.find("our base"), std::string::npos);
}

TEST(Summary, CeilingsAndAblationsHaveTables) {
  Results results = sample();
  EXPECT_TRUE(ceilings(results).table.empty());
  EXPECT_TRUE(liff_gain(results).table.empty());
  std::vector<Row> more;
  for (Row r : results.rows) {
    if (r.codec != "compass") continue;
    r.codec = "compass-bicubic";
    r.bytes_total = r.bytes_total * 5 / 4;
    more.push_back(r);
  }
  Row limit = more.front();
  limit.codec = "j2k";
  limit.scheme = kCeiling;
  limit.psnr = 30.5;
  more.push_back(limit);
  results.rows.insert(results.rows.end(), more.begin(), more.end());
  const auto gain = liff_gain(results).table.rows();
  ASSERT_EQ(gain.size(), 2U);
  EXPECT_EQ(gain[1], (std::vector<std::string>{"x1.0 x2.0 x4.0", "-20.0"}));
  const auto rows = ceilings(results).table.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[1][0], "j2k");
  EXPECT_EQ(rows[1][2], "30.50");
}

TEST(Summary, QuotesPeersOnlyForKodak) {
  Results results = sample();
  std::vector<Row> rows;
  for (int i = 1; i <= 24; ++i) {
    for (Row r : results.rows) {
      if (r.image != "a.png") continue;
      r.image = "kodim" + std::to_string(i);
      r.width = 768 >> (2 - r.layer);
      r.height = 512 >> (2 - r.layer);
      rows.push_back(r);
    }
  }
  results.rows = rows;
  EXPECT_TRUE(is_kodak(results));
  EXPECT_NE(terminal_report(results).find("* SHVC (SHM), one stream"), std::string::npos);
  const TextTable beside = beside_the_paper(results, shipped_family()).table;
  // Of the base layer, EL1 and EL2.
  EXPECT_EQ(std::ranges::count_if(beside.rows(), [](const auto& row) { return row[3] == "SHVC *"; }), 3);
  results.rows.erase(std::remove_if(results.rows.begin(), results.rows.end(),
                                    [](const Row& r) { return r.image == "kodim7"; }),
                     results.rows.end());
  EXPECT_FALSE(is_kodak(results));
}

TEST(TextTable, StaysWithinATerminal) {
  TextTable t({"codec with a long name", "first", "second", "third"});
  t.add({"one", "1.5", "2.5", "3.5"});
  t.add({"two", "10.5", "20.5", "30.5"});
  EXPECT_EQ(t.plain(24),
            "codec with \u2026  first\n"
            "one             1.5\n"
            "two            10.5\n"
            "\n"
            "codec with \u2026  second\n"
            "one              2.5\n"
            "two             20.5\n"
            "\n"
            "codec with \u2026  third\n"
            "one             3.5\n"
            "two            30.5\n");
  EXPECT_EQ(t.plain(40).find("\n\n"), t.plain(40).rfind("\n\n")) << "two blocks";
  EXPECT_EQ(t.plain(), t.plain(200));
}

TEST(TextTable, AlignsAndEscapes) {
  TextTable t({"name", "n"});
  t.add({"a|b", "+1.5"});
  t.add({"\u00e9\u00e9", "10"});
  EXPECT_EQ(t.plain(), "name     n\na|b   +1.5\n\u00e9\u00e9      10\n");
  EXPECT_EQ(t.markdown(), "| name | n |\n|---|---:|\n| a\\|b | +1.5 |\n| \u00e9\u00e9 | 10 |\n");
}

}  // namespace
}  // namespace compass::eval
