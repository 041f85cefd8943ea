#include "image/resize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace compass {
namespace {

// A busy picture with every channel different: value (50 + 37x + 101y + 13xy + 71c) mod 256, over 255.
Image pattern(Size size) {
  Image image(size);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        const int64_t v = 50 + 37LL * x + 101LL * y + 13LL * x * y + 71LL * c;
        image.row(c, y)[x] = static_cast<float>(v % 256) / 255.0F;
      }
    }
  }
  return image;
}

Image crop(const Image& image, Rect area) {
  Image out(area.size());
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < area.height; ++y) {
      const float* in = image.row(c, area.y + y) + area.x;
      std::copy(in, in + area.width, out.row(c, y));
    }
  }
  return out;
}

bool same_bits(const Image& a, const Image& b) {
  if (a.size() != b.size()) return false;
  for (int c = 0; c < 3; ++c) {
    if (!std::equal(a.plane(c).begin(), a.plane(c).end(), b.plane(c).begin())) return false;
  }
  return true;
}

double largest_difference(const Image& a, const Image& b) {
  EXPECT_EQ(a.size(), b.size());
  double worst = 0.0;
  for (int c = 0; c < 3; ++c) {
    for (size_t i = 0; i < a.plane(c).size(); ++i) {
      worst = std::max(worst, std::abs(static_cast<double>(a.plane(c)[i]) - b.plane(c)[i]));
    }
  }
  return worst;
}

// The definition taken literally, in double, in two dimensions at once: for each output sample, over every
// source sample of the picture, kernel times value, divided by the sum of the kernel.
Image resize_by_definition(const Image& source, Size target) {
  const auto kernel = [](double x) {
    x = std::abs(x);
    if (x <= 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
    if (x < 2) return -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
    return 0.0;
  };
  const auto weight = [&](int j, int i, int m, int n) {
    const double scale = static_cast<double>(m) / n;
    const double widen = std::max(scale, 1.0);
    const double centre = (i + 0.5) * scale;
    // A sample takes part if floor(centre -+ support + 1/2) puts it inside the window.
    if (j < std::floor(centre - 2 * widen + 0.5) || j >= std::floor(centre + 2 * widen + 0.5)) return 0.0;
    return kernel((j + 0.5 - centre) / widen);
  };
  Image out(target);
  for (int y = 0; y < target.height; ++y) {
    for (int x = 0; x < target.width; ++x) {
      double sum[3] = {};
      double norm = 0.0;
      for (int v = 0; v < source.height(); ++v) {
        const double wy = weight(v, y, source.height(), target.height);
        if (wy == 0.0) continue;
        for (int u = 0; u < source.width(); ++u) {
          const double w = wy * weight(u, x, source.width(), target.width);
          norm += w;
          for (int c = 0; c < 3; ++c) sum[c] += w * source.row(c, v)[u];
        }
      }
      for (int c = 0; c < 3; ++c) out.row(c, y)[x] = static_cast<float>(sum[c] / norm);
    }
  }
  return out;
}

// Rounding: weights and two passes of float sums over values in [0,1].
constexpr double kTolerance = 2e-6;

// Values of Pillow 9.4's Image.resize(BICUBIC) on mode "F" pictures of the pattern (its channel 0).
TEST(Resize, PlanesAndDeepSamplesGiveWhatFloatsGive) {
  const Size size{23, 17};
  Plane plane(size);
  Rgb16Image deep(size);
  for (size_t i = 0; i < plane.samples.size(); ++i) plane.samples[i] = static_cast<uint8_t>(i * i % 256);
  for (size_t i = 0; i < deep.samples.size(); ++i) deep.samples[i] = static_cast<uint16_t>(i * i * 37);
  const Image floats = from_rgb16(deep.view());
  for (const Size to : {Size{1, 1}, Size{10, 9}, Size{23, 17}, Size{40, 18}}) {
    Image grey(size);
    for (size_t i = 0; i < plane.samples.size(); ++i) grey.plane(0)[i] = samples_of_bytes()[plane.samples[i]];
    const Image expected = resize(grey, to);
    const Plane made = resize(plane.view(), to);
    for (size_t i = 0; i < made.samples.size(); ++i) {
      ASSERT_EQ(made.samples[i], byte_of_sample(expected.plane(0)[i]));
    }
    const Image same = resize_region(deep.view(), to, whole(to));
    const Image all = resize(floats, to);
    for (int c = 0; c < 3; ++c) ASSERT_TRUE(std::ranges::equal(same.plane(c), all.plane(c)));
  }
}

TEST(Resize, EqualsPillow) {
  struct Case {
    Size source;
    Size target;
    std::vector<float> values;
  };
  const Case cases[] = {
      {{7, 5},
       {4, 3},
       {0.44831958F, 0.59157699F, 0.59320784F, 0.55713511F, 0.65074831F, 0.60104173F, 0.62157488F,
        0.45353183F, 0.49042922F, 0.59420818F, 0.47338241F, 0.59871036F}},
      {{4, 3}, {7, 5}, {0.15498076F, 0.20345782F, 0.2967031F,  0.37332594F, 0.46284932F, 0.60554677F,
                        0.68292022F, 0.30095318F, 0.3732478F,  0.50866944F, 0.63088965F, 0.67784876F,
                        0.52476835F, 0.4284834F,  0.57660258F, 0.64389658F, 0.77333605F, 0.94901961F,
                        0.953771F,   0.42796871F, 0.11238688F, 0.90039134F, 0.73124486F, 0.45862326F,
                        0.54651743F, 0.67778242F, 0.57141626F, 0.4994173F,  1.0838728F,  0.75821161F,
                        0.21915135F, 0.24258234F, 0.46274656F, 0.67783254F, 0.79283971F}},
      {{5, 4}, {6, 11}, {0.15030192F, 0.25476232F, 0.369629F,   0.53429252F, 0.72566324F, 0.82305133F,
                         0.20024371F, 0.31032225F, 0.44025859F, 0.54987413F, 0.66001648F, 0.77110946F,
                         0.31324717F, 0.47139561F, 0.65375972F, 0.59456408F, 0.46032199F, 0.60878903F,
                         0.47919068F, 0.67012221F, 0.90987647F, 0.65010363F, 0.22177273F, 0.41831818F,
                         0.65049821F, 0.71897084F, 0.93612343F, 0.66513437F, 0.20176442F, 0.41886872F,
                         0.86560732F, 0.57054335F, 0.64604217F, 0.62470949F, 0.48076639F, 0.68072772F,
                         1.0118914F,  0.40742213F, 0.35932186F, 0.58428466F, 0.75976837F, 0.94258672F,
                         0.91845989F, 0.39975071F, 0.39849707F, 0.5993154F,  0.73976004F, 0.94313729F,
                         0.62298167F, 0.4999668F,  0.67714685F, 0.65485495F, 0.50121075F, 0.75266647F,
                         0.38611305F, 0.58634478F, 0.90773362F, 0.69954491F, 0.30151629F, 0.59034604F,
                         0.30307028F, 0.61351335F, 0.98485738F, 0.71512651F, 0.23586953F, 0.53840417F}},
      {{9, 1}, {2, 1}, {0.50245637F, 0.44343773F}},
      {{3, 3},
       {3, 3},
       {0.19607843F, 0.34117648F, 0.48627451F, 0.59215689F, 0.78823531F, 0.98431373F, 0.98823529F,
        0.23137255F, 0.47843137F}},
      {{1, 1}, {3, 2}, {0.19607843F, 0.19607843F, 0.19607843F, 0.19607843F, 0.19607843F, 0.19607843F}},
      {{8, 8}, {3, 1}, {0.54293811F, 0.59178323F, 0.54818118F}},
      {{640, 3},
       {6, 3},
       {0.49960178F, 0.50301981F, 0.49736813F, 0.50136429F, 0.50027198F, 0.49621272F, 0.50781578F,
        0.50128597F, 0.50186908F, 0.5017699F, 0.50256675F, 0.49779937F, 0.50964099F, 0.49874821F, 0.49887624F,
        0.50266713F, 0.49686828F, 0.49739522F}},
  };
  for (const auto& [source, target, values] : cases) {
    const Image out = resize(pattern(source), target);
    ASSERT_EQ(out.size(), target);
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_NEAR(out.plane(0)[i], values[i], kTolerance)
          << source.width << "x" << source.height << " to " << target.width << "x" << target.height
          << ", sample " << i;
    }
  }
}

TEST(Resize, EqualsItsDefinition) {
  const Size sources[] = {{1, 1}, {1, 9}, {9, 1}, {2, 3}, {31, 17}, {64, 48}};
  const double ratios[] = {1.0, 1.2, 1.5, 2.8, 6.0, 1 / 1.2, 1 / 2.8, 1 / 6.0, 0.01};
  for (const Size source : sources) {
    for (const double across : ratios) {
      for (const double down : {across, 1.0, 2.0}) {  // both axes alike, and not
        const Size target{std::max(1, static_cast<int>(source.width * across)),
                          std::max(1, static_cast<int>(source.height * down))};
        const Image in = pattern(source);
        EXPECT_LT(largest_difference(resize(in, target), resize_by_definition(in, target)), kTolerance)
            << source.width << "x" << source.height << " to " << target.width << "x" << target.height;
      }
    }
  }
}

TEST(Resize, SameSizeChangesNothing) {
  const Image in = pattern({37, 23});
  EXPECT_TRUE(same_bits(resize(in, in.size()), in));
}

TEST(Resize, KeepsAFlatPictureFlat) {
  Image in({53, 41});
  for (int c = 0; c < 3; ++c) std::fill(in.plane(c).begin(), in.plane(c).end(), 0.75F);
  for (const Size target : {Size{106, 82}, Size{20, 20}, Size{1, 1}, Size{54, 300}}) {
    const Image out = resize(in, target);
    for (const float v : out.plane(1)) ASSERT_NEAR(v, 0.75F, 1e-6);
  }
}

TEST(Resize, RegionsAreCropsToTheBit) {
  struct Case {
    Size source;
    Size target;
  };
  const Case cases[] = {{{97, 211}, {194, 422}}, {{97, 211}, {116, 253}}, {{211, 97}, {75, 35}},
                        {{300, 200}, {3, 2}},    {{33, 21}, {33, 21}},    {{1, 1}, {70, 90}},
                        {{5, 131}, {30, 137}}};
  for (const auto& [source, target] : cases) {
    const Image in = pattern(source);
    const Image whole = resize(in, target);
    const Rect regions[] = {
        {0, 0, 1, 1},
        {target.width - 1, target.height - 1, 1, 1},
        {target.width / 3, target.height / 4, std::max(1, target.width / 2), std::max(1, target.height / 2)},
        {0, target.height / 2, target.width, 1},
    };
    for (const Rect region : regions) {
      const Image expected = crop(whole, region);
      EXPECT_TRUE(same_bits(resize_region(in, target, region), expected));
      // From exactly what the region needs, and from a little more.
      const Rect need = resize_footprint(source, target, region);
      EXPECT_TRUE(same_bits(resize_region(crop(in, need), need, source, target, region), expected));
      const int left = std::min(3, need.x);
      const int top = std::min(2, need.y);
      const Rect more{need.x - left, need.y - top, need.width + left, need.height + top};
      EXPECT_TRUE(same_bits(resize_region(crop(in, more), more, source, target, region), expected));
    }
  }
}

TEST(Resize, FootprintIsTightAndInside) {
  // Twice as large: output 10 is centred at 5.25 and reads samples 3..6; output 0 reads 0..1 (the rest is
  // cut).
  EXPECT_EQ(resize_footprint({20, 20}, {40, 40}, {10, 0, 1, 1}), (Rect{3, 0, 4, 2}));
  EXPECT_EQ(resize_footprint({20, 20}, {40, 40}, {0, 0, 40, 40}), (Rect{0, 0, 20, 20}));
  EXPECT_EQ(resize_footprint({1000, 7}, {10, 7}, {0, 3, 1, 1}), (Rect{0, 2, 250, 4}));
}

TEST(Resize, BytesGiveTheBitsOfTheirFloats) {
  for (const Size size : {Size{1, 1}, Size{37, 5}, Size{200, 131}}) {
    const Image floats = pattern(size);
    // Rows further apart than they are long.
    const size_t stride = static_cast<size_t>(size.width) * 3 + 7;
    std::vector<uint8_t> bytes(stride * size.height);
    for (int y = 0; y < size.height; ++y) {
      to_rgb8(floats, {0, y, size.width, 1},
              {bytes.data() + y * stride, static_cast<size_t>(size.width) * 3});
    }
    const Rgb8View view{bytes.data(), size, stride};
    EXPECT_TRUE(same_bits(from_rgb8(view), floats));
    for (const Size target : {Size{1, 1}, Size{19, 3}, size, Size{211, 140}}) {
      const Rect part{target.width / 3, target.height / 3, target.width - target.width / 3, 1};
      EXPECT_TRUE(same_bits(resize_region(view, target, part), resize_region(floats, target, part)));
    }
  }
}

TEST(Resize, ThreadsDoNotChangeTheResult) {
  const Image in = pattern({301, 517});
  for (const Size target : {Size{640, 900}, Size{100, 333}}) {
    const Image serial = resize(in, target);
    for (const int threads : {1, 2, 5}) {
      ThreadPool pool(threads);
      EXPECT_TRUE(same_bits(resize(in, target, &pool), serial));
    }
  }
}

}  // namespace
}  // namespace compass
