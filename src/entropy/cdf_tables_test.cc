#include "entropy/cdf_tables.h"

#include <gtest/gtest.h>

#include <limits>

namespace compass {
namespace {

using Ints = std::vector<int32_t>;

TEST(CdfTables, PaddedAndRaggedAgree) {
  const auto padded = CdfTables::from_padded(Ints{0, 10, 20, 65536, 0, 5, 65536, 0}, Ints{4, 3}, Ints{-1, 7});
  const auto ragged = CdfTables::from_ragged(Ints{0, 10, 20, 0, 0, 5, 65536}, Ints{4, 3}, Ints{-1, 7});
  ASSERT_TRUE(padded.ok() && ragged.ok());
  EXPECT_EQ(padded->ragged_cdf(), ragged->ragged_cdf());
  EXPECT_EQ(padded->lengths(), (Ints{4, 3}));
  EXPECT_EQ(ragged->offsets(), (Ints{-1, 7}));
  const CdfRow row = ragged->row(0);
  EXPECT_EQ(row.escape, 2);
  EXPECT_EQ(row.cdf.size(), 4U);
  EXPECT_EQ(row.slot_of(-2), 2);
  EXPECT_EQ(row.slot_of(-1), 0);
  EXPECT_EQ(row.slot_of(0), 1);
  EXPECT_EQ(row.slot_of(1), 2);
  EXPECT_EQ(row.slot_of(std::numeric_limits<int32_t>::max()), 2);
  EXPECT_EQ(row.slot_of(std::numeric_limits<int32_t>::min()), 2);
}

TEST(CdfTables, NoRowsIsATable) {
  EXPECT_EQ(CdfTables::from_padded({}, {}, {})->rows(), 0);
  EXPECT_EQ(CdfTables::from_ragged({}, {}, {})->rows(), 0);
}

TEST(CdfTables, RefusesRowsThatCannotCode) {
  const auto refused = [](const Ints& cdf, const Ints& lengths, const Ints& offsets) {
    const auto ragged = CdfTables::from_ragged(cdf, lengths, offsets);
    EXPECT_TRUE(ragged.ok() || ragged.error().code == ErrorCode::kBadFile);
    return !ragged.ok();
  };
  EXPECT_FALSE(refused({0, 65536}, {2}, {0}));
  EXPECT_TRUE(refused({1, 65536}, {2}, {0}));         // does not start at 0
  EXPECT_TRUE(refused({0, 65535}, {2}, {0}));         // does not end at 65536
  EXPECT_TRUE(refused({0, 9, 9, 65536}, {4}, {0}));   // a slot without frequency
  EXPECT_TRUE(refused({0, 9, 8, 65536}, {4}, {0}));   // falls
  EXPECT_TRUE(refused({0, -9, 65536}, {3}, {0}));     // negative
  EXPECT_TRUE(refused({0, 70000, 65536}, {3}, {0}));  // beyond the total
  EXPECT_TRUE(refused({0}, {1}, {0}));                // too short
  EXPECT_TRUE(refused({0, 65536}, {3}, {0}));         // longer than the data
  EXPECT_TRUE(refused({0, 65536, 0}, {2}, {0}));      // shorter than the data
  EXPECT_TRUE(refused({0, 65536}, {-2}, {0}));
  EXPECT_TRUE(refused({0, 65536}, {2}, {0, 0}));  // an offset too many
  EXPECT_TRUE(refused({0, 5, 65536}, {3}, {std::numeric_limits<int32_t>::max()}));
  EXPECT_FALSE(refused({0, 5, 65536}, {3}, {std::numeric_limits<int32_t>::min()}));
  EXPECT_FALSE(CdfTables::from_padded(Ints{0, 65536, 0}, Ints{2, 2}, Ints{0, 0}).ok());
  EXPECT_FALSE(CdfTables::from_padded(Ints{0, 65536}, Ints{3}, Ints{0}).ok());
  EXPECT_FALSE(CdfTables::from_padded(Ints{0, 65536}, {}, {}).ok());
}

}  // namespace
}  // namespace compass
