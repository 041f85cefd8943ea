#include "nn/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "nn/testing/target.h"

namespace compass::nn {
namespace {

class Kernels : public OnEveryTarget {};
INSTANTIATE_TEST_SUITE_P(Targets, Kernels, testing::ValuesIn(kernel_targets()), target_name);

constexpr size_t kLengths[] = {0, 1, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 257};

std::vector<float> random_floats(size_t n, float low, float high, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> out(n);
  for (float& v : out) v = distribution(generator);
  return out;
}

std::vector<BFloat16> rounded(const std::vector<float>& x) {
  std::vector<BFloat16> out(x.size());
  plain::round_to_bf16(x.data(), out.data(), x.size());
  return out;
}

TEST(BFloat16, RoundsToNearestEven) {
  EXPECT_EQ(to_float(to_bf16(1.0F)), 1.0F);
  EXPECT_EQ(to_float(to_bf16(-0.0F)), 0.0F);
  EXPECT_EQ(to_float(to_bf16(1.0F + 1.0F / 256)), 1.0F);               // a tie: to even, down
  EXPECT_EQ(to_float(to_bf16(1.0F + 3.0F / 256)), 1.0F + 4.0F / 256);  // a tie: to even, up
  EXPECT_EQ(to_float(to_bf16(1.0F + 1.1F / 256)), 1.0F + 2.0F / 256);
}

TEST_P(Kernels, ConversionsEqualTheirPlainTwins) {
  for (const size_t n : kLengths) {
    const auto x = random_floats(n, -3.0F, 3.0F, 1);
    std::vector<BFloat16> a(n + 1, 0x1234);
    std::vector<BFloat16> b(n + 1, 0x1234);
    round_to_bf16(x.data(), a.data(), n);
    plain::round_to_bf16(x.data(), b.data(), n);
    EXPECT_EQ(a, b) << n;
    std::vector<BFloat16> c(n + 1, 0x1234);
    std::vector<float> copied(x);
    for (float& v : copied) v = 0.0F;
    copy_and_round(x.data(), copied.data(), c.data(), n);
    EXPECT_EQ(copied, x);
    EXPECT_EQ(c, b) << n;
    std::vector<float> wa(n + 1, 7.0F);
    std::vector<float> wb(n + 1, 7.0F);
    widen(a.data(), wa.data(), n);
    plain::widen(a.data(), wb.data(), n);
    EXPECT_EQ(wa, wb) << n;
  }
}

TEST_P(Kernels, SlopesEqualTheirPlainTwins) {
  for (const size_t n : kLengths) {
    auto hidden = random_floats(n, -1.0F, 1.0F, 5);
    for (size_t i = 0; i < n; i += 5) hidden[i] = i % 2 == 0 ? 0.0F : -0.0F;
    auto a = random_floats(n, -3.0F, 3.0F, 6);
    auto b = a;
    auto ha = rounded(a);
    auto hb = ha;
    const auto half = rounded(hidden);
    times_slope(hidden.data(), 0.01F, a.data(), n);
    plain::times_slope(hidden.data(), 0.01F, b.data(), n);
    EXPECT_EQ(a, b) << n;
    times_slope(half.data(), 0.01F, ha.data(), n);
    plain::times_slope(half.data(), 0.01F, hb.data(), n);
    EXPECT_EQ(ha, hb) << n;
  }
}

TEST_P(Kernels, PointwiseEqualTheirPlainTwins) {
  for (const size_t n : kLengths) {
    const auto x = random_floats(n, -3.0F, 3.0F, 2);
    const auto positive = random_floats(n, 0.01F, 9.0F, 3);
    auto sa = random_floats(n, -1.0F, 1.0F, 4);
    auto sb = sa;
    add(x.data(), sa.data(), n);
    plain::add(x.data(), sb.data(), n);
    EXPECT_EQ(sa, sb);
    std::vector<BFloat16> ha(n);
    std::vector<BFloat16> hb(n);
    add(ha.data(), sa.data(), n);
    plain::add(ha.data(), sb.data(), n);
    EXPECT_EQ(sa, sb);
    square(x.data(), sa.data(), n);
    plain::square(x.data(), sb.data(), n);
    EXPECT_EQ(sa, sb);
    square(x.data(), ha.data(), n);
    plain::square(x.data(), hb.data(), n);
    EXPECT_EQ(ha, hb);
    for (const bool inverse : {false, true}) {
      auto na = x;
      auto nb = x;
      normalise(na.data(), positive.data(), n, inverse);
      plain::normalise(nb.data(), positive.data(), n, inverse);
      EXPECT_EQ(na, nb);
    }
    std::vector<float> ca(3 * n);
    std::vector<float> cb(3 * n);
    const auto pixels = random_floats(3 * n, -1.0F, 1.0F, 5);
    scale_channels(pixels.data(), positive.data(), ca.data(), 3, n);
    plain::scale_channels(pixels.data(), positive.data(), cb.data(), 3, n);
    EXPECT_EQ(ca, cb);
  }
}

TEST_P(Kernels, LiffProductsEqualTheirPlainTwins) {
  constexpr size_t kSources = 5;
  for (const size_t n : {16U, 48U, 256U}) {
    const auto base = random_floats(kSources * n, -1.0F, 1.0F, 6);
    const auto wy = random_floats(n, -1.0F, 1.0F, 7);
    const auto wx = random_floats(n, -1.0F, 1.0F, 8);
    std::vector<LiffTarget> targets;
    std::vector<float> have(30);
    for (int t = 0; t < 10; ++t) {
      targets.push_back(
          {(3 * t) % static_cast<int>(kSources), 0.1F * static_cast<float>(t), -0.7F, have.data() + 3 * t});
    }
    std::vector<float> fa(10 * n);
    std::vector<float> fb(10 * n);
    offset_relu(base.data(), n, wy.data(), wx.data(), targets.data(), 10, fa.data(), n);
    plain::offset_relu(base.data(), n, wy.data(), wx.data(), targets.data(), 10, fb.data(), n);
    EXPECT_EQ(fa, fb);
    std::vector<BFloat16> ha(10 * n);
    std::vector<BFloat16> hb(10 * n);
    offset_relu(base.data(), n, wy.data(), wx.data(), targets.data(), 10, ha.data(), n);
    plain::offset_relu(base.data(), n, wy.data(), wx.data(), targets.data(), 10, hb.data(), n);
    EXPECT_EQ(ha, hb);

    const size_t pitch = 3 * n + 16;
    const auto tail = random_floats(kSources * pitch, -1.0F, 1.0F, 9);
    const auto tail16 = rounded(tail);
    const float tolerance = 1e-5F * static_cast<float>(n);  // sums in another order
    pixel_products(tail.data(), pitch, fa.data(), n, targets.data(), 10, Arithmetic::kExact);
    const auto exact = have;
    pixel_products(tail.data(), pitch, fa.data(), n, targets.data(), 10, Arithmetic::kFast);
    const auto first = have;
    plain::pixel_products(tail.data(), pitch, fa.data(), n, targets.data(), 10);
    EXPECT_EQ(exact, have);
    for (size_t i = 0; i < have.size(); ++i) EXPECT_NEAR(first[i], have[i], tolerance);
    pixel_products(tail16.data(), pitch, ha.data(), n, targets.data(), 10);
    const auto second = have;
    plain::pixel_products(tail16.data(), pitch, ha.data(), n, targets.data(), 10);
    for (size_t i = 0; i < have.size(); ++i) EXPECT_NEAR(second[i], have[i], tolerance);
  }
}

TEST_P(Kernels, RoundingShiftIsExact) {
  std::mt19937 generator(11);
  for (const size_t n : kLengths) {
    for (int round = 0; round < 200; ++round) {
      std::vector<float> acc(n);
      std::vector<int32_t> shift(n);
      for (size_t i = 0; i < n; ++i) {
        shift[i] = static_cast<int32_t>(generator() % 25);
        const int32_t half = shift[i] > 0 ? 1 << (shift[i] - 1) : 0;
        const int32_t limit = (1 << 24) - 1 - half;
        int32_t value = static_cast<int32_t>(generator() % (2U * limit + 1)) - limit;
        if (round % 4 == 0) value = (value >> shift[i] << shift[i]) + half;  // just on a tie
        if (round % 8 == 1) value /= 1024;
        acc[i] = static_cast<float>(std::max(-limit, std::min(limit, value)));
      }
      std::vector<float> a(n);
      std::vector<float> b(n);
      shift_and_clamp(acc.data(), shift.data(), round % 2 == 0 ? 255 : 63, a.data(), n);
      plain::shift_and_clamp(acc.data(), shift.data(), round % 2 == 0 ? 255 : 63, b.data(), n);
      ASSERT_EQ(a, b);
    }
  }
}

}  // namespace
}  // namespace compass::nn
