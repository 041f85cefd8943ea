// The search's moves where it is known what they do: an error whose elements do not act on each other.
#include "codec/symbol_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "codec/testing/pictures.h"
#include "entropy/escape.h"

namespace compass {
namespace {

constexpr int kRounds = 4;
constexpr int kChannels = 6;
constexpr Size kSize{24, 18};

// Latents whose error is the sum of weight (y_hat - wanted)^2, in bits, with a weight for each channel.
class SeparableError : public testing::Test {
 protected:
  SeparableError() : y_hat_(kChannels, kSize.height, kSize.width), gradient_(y_hat_), displaced_(y_hat_) {
    std::mt19937 generator(3);
    std::uniform_real_distribution<float> wanted(-3.0F, 3.0F), mean(-0.5F, 0.5F);
    for (size_t i = 0; i < y_hat_.size(); ++i) {
      wanted_.push_back(wanted(generator));
      means_.push_back(mean(generator));
      symbols_.push_back(static_cast<int32_t>(std::lround(wanted_[i] - means_[i])));
      indexes_.push_back(static_cast<uint8_t>(generator() % tables_.rows()));
    }
    symbols_[5] = SymbolCosts::kReach;
    symbols_[6] = -2 * SymbolCosts::kReach;
    for (size_t i = 0; i < y_hat_.size(); ++i) {
      y_hat_.data[i] = means_[i] + static_cast<float>(symbols_[i]);
    }
  }

  static float weight(size_t i) { return 0.5F + 0.1F * static_cast<float>(i % kChannels); }

  void look(Tensor& gradient, float displacement) const {
    for (size_t i = 0; i < y_hat_.size(); ++i) {
      const auto place = static_cast<int>(i / kChannels);
      const float by = displacement * SymbolSearch::probe(static_cast<int>(i % kChannels),
                                                          place / kSize.width, place % kSize.width);
      gradient.data[i] = 2.0F * weight(i) * (y_hat_.data[i] + by - wanted_[i]);
    }
  }

  // Bits and error of all that may be moved.
  double cost() const {
    double sum = 0.0;
    for (size_t i = 0; i < y_hat_.size(); ++i) {
      if (std::abs(symbols_[i]) >= SymbolCosts::kReach) continue;
      const double error = y_hat_.data[i] - wanted_[i];
      sum += weight(i) * error * error + symbol_bits(tables_.row(indexes_[i]), symbols_[i]);
    }
    return sum;
  }

  void measure(SymbolSearch& search) {
    look(gradient_, 0.0F);
    look(displaced_, 1.0F);
    search.measure(gradient_, whole(kSize), displaced_, whole(kSize));
  }

  void move(const SymbolSearch& search, int round) {
    look(gradient_, 0.0F);
    const size_t row = size_t{kChannels} * kSize.width;
    for (int y = 0; y < kSize.height; ++y) {
      const size_t first = y * row;
      search.move(round, y, 0, std::span(gradient_.data).subspan(first, row), {},
                  {std::span(symbols_).subspan(first, row), std::span(indexes_).subspan(first, row),
                   std::span(means_).subspan(first, row), std::span(y_hat_.data).subspan(first, row)});
    }
  }

  const std::shared_ptr<const Model> model_ = tiny_model();
  const CdfTables& tables_ = model_->latent_tables(CodecKind::kBase);
  std::vector<float> wanted_, means_;
  std::vector<int32_t> symbols_;
  std::vector<uint8_t> indexes_;
  Tensor y_hat_, gradient_, displaced_;
};

TEST_F(SeparableError, EveryRoundPays) {
  SymbolSearch search(tables_, kRounds);
  EXPECT_FALSE(search.measured());
  measure(search);
  EXPECT_TRUE(search.measured());
  for (int round = 0; round < kRounds; ++round) {
    const auto symbols = symbols_;
    const double before = cost();
    move(search, round);
    int moved = 0;
    for (size_t i = 0; i < symbols.size(); ++i) {
      moved += symbols_[i] != symbols[i] ? 1 : 0;
      ASSERT_LE(std::abs(symbols_[i] - symbols[i]), 1) << i;
      ASSERT_EQ(y_hat_.data[i], means_[i] + static_cast<float>(symbols_[i])) << i;
    }
    EXPECT_GT(moved, 0) << "round " << round;
    // Every move has to gain what its round asks for: 3 bits at first, none at last.
    const double wanted = 3.0 * (1.0 - (round + 1.0) / kRounds);
    EXPECT_LT(cost(), before - wanted * moved) << "round " << round;
  }
  EXPECT_EQ(symbols_[5], SymbolCosts::kReach);
  EXPECT_EQ(symbols_[6], -2 * SymbolCosts::kReach);
}

}  // namespace
}  // namespace compass
