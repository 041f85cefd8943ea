#include "eval/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace compass::eval {
namespace {

// The pattern and its coarsened copy, integer arithmetic only, so that any tool can make the same pictures.
Picture pattern(int width, int height) {
  Picture p({width, height});
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int value = x * x / 7 + y * 3 + c * 40 + (x * y / 5) % 97 + ((x / 16 + y / 16) % 2) * 60;
        p.pixel(y, x)[c] = static_cast<uint8_t>(value % 256);
      }
    }
  }
  return p;
}

Picture coarsen(Picture p, int step) {
  for (uint8_t& v : p.rgb) v = static_cast<uint8_t>(std::min(255, v / step * step + step / 2));
  return p;
}

Picture noise(Size size, unsigned seed) {
  std::mt19937 random(seed);
  Picture p(size);
  for (uint8_t& v : p.rgb) v = static_cast<uint8_t>(random() & 255U);
  return p;
}

// MS-SSIM's definition written down plainly: two-dimensional windows, each gathered pixel by pixel.
double plain_ms_ssim(const Picture& a, const Picture& b) {
  const double weights[5] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
  double window[11][11];
  double total = 0;
  for (int i = 0; i < 11; ++i) {
    for (int j = 0; j < 11; ++j) {
      total += window[i][j] = std::exp(-((i - 5) * (i - 5) + (j - 5) * (j - 5)) / (2 * 1.5 * 1.5));
    }
  }
  double mean = 0;
  for (int c = 0; c < 3; ++c) {
    int w = a.size.width;
    int h = a.size.height;
    std::vector<std::vector<double>> pa(h, std::vector<double>(w));
    std::vector<std::vector<double>> pb = pa;
    for (int y = 0; y < h; ++y) {
      for (int x = 0; x < w; ++x) {
        pa[y][x] = a.pixel(y, x)[c];
        pb[y][x] = b.pixel(y, x)[c];
      }
    }
    double value = 1;
    for (int scale = 0; scale < 5; ++scale) {
      double cs_sum = 0;
      double ssim_sum = 0;
      for (int y = 0; y + 11 <= h; ++y) {
        for (int x = 0; x + 11 <= w; ++x) {
          double ma = 0;
          double mb = 0;
          for (int i = 0; i < 11; ++i) {
            for (int j = 0; j < 11; ++j) {
              ma += window[i][j] / total * pa[y + i][x + j];
              mb += window[i][j] / total * pb[y + i][x + j];
            }
          }
          double va = 0;
          double vb = 0;
          double cov = 0;
          for (int i = 0; i < 11; ++i) {
            for (int j = 0; j < 11; ++j) {
              const double da = pa[y + i][x + j] - ma;
              const double db = pb[y + i][x + j] - mb;
              va += window[i][j] / total * da * da;
              vb += window[i][j] / total * db * db;
              cov += window[i][j] / total * da * db;
            }
          }
          const double cs = (2 * cov + 58.5225) / (va + vb + 58.5225);
          cs_sum += cs;
          ssim_sum += cs * (2 * ma * mb + 6.5025) / (ma * ma + mb * mb + 6.5025);
        }
      }
      const double positions = (w - 10.0) * (h - 10.0);
      value *= std::pow(std::max(0.0, (scale == 4 ? ssim_sum : cs_sum) / positions), weights[scale]);
      const int px = w % 2;
      const int py = h % 2;
      const int nw = (w + px) / 2;
      const int nh = (h + py) / 2;
      const auto shrink = [&](const std::vector<std::vector<double>>& in) {
        std::vector<std::vector<double>> out(nh, std::vector<double>(nw));
        const auto get = [&](int y, int x) { return y < 0 || x < 0 ? 0.0 : in[y][x]; };
        for (int y = 0; y < nh; ++y) {
          for (int x = 0; x < nw; ++x) {
            out[y][x] = (get(2 * y - py, 2 * x - px) + get(2 * y - py, 2 * x + 1 - px) +
                         get(2 * y + 1 - py, 2 * x - px) + get(2 * y + 1 - py, 2 * x + 1 - px)) /
                        4;
          }
        }
        return out;
      };
      pa = shrink(pa);
      pb = shrink(pb);
      w = nw;
      h = nh;
    }
    mean += value / 3;
  }
  return mean;
}

TEST(Psnr, HandComputed) {
  Picture a({2, 1});
  a.rgb = {10, 20, 30, 40, 50, 60};
  Picture b = a;
  b.rgb[3] = 46;  // MSE = 36 / 6 = 6
  const Result<double> value = psnr(a, b);
  ASSERT_TRUE(value);
  EXPECT_NEAR(*value, 10 * std::log10(65025.0 / 6), 1e-12);
}

TEST(Psnr, EqualPicturesAreInfinitelyGood) {
  const Picture a = noise({7, 5}, 1);
  EXPECT_TRUE(std::isinf(*psnr(a, a)));
}

TEST(Psnr, ExtremesAndOnePixel) {
  Picture black({1, 1});
  Picture white({1, 1});
  white.rgb = {255, 255, 255};
  EXPECT_NEAR(*psnr(black, white), 0.0, 1e-12);
}

TEST(Psnr, RefusesOtherSizesAndEmptyPictures) {
  EXPECT_FALSE(psnr(Picture({2, 3}), Picture({3, 2})));
  EXPECT_FALSE(psnr(Picture(), Picture()));
}

// Values from numpy and from pytorch_msssim's steps run in float64 with PyTorch 1.13 on the same pictures
// (in float32, as that package runs by default, they differ by up to 1e-6).
struct Reference {
  int width, height, step;
  double psnr, ms_ssim;
};

TEST(Metrics, AgreeWithNumpyAndPyTorch) {
  const Reference references[] = {
      {176, 200, 8, 40.766317934623, 0.999755279759},
      {161, 177, 16, 34.828252834995, 0.999092762962},
      {255, 193, 32, 28.811173596449, 0.994235715372},
      {301, 161, 5, 45.123282677831, 0.999862960972},
  };
  for (const Reference& r : references) {
    const Picture a = pattern(r.width, r.height);
    const Picture b = coarsen(a, r.step);
    EXPECT_NEAR(*psnr(a, b), r.psnr, 1e-9) << r.width;
    EXPECT_NEAR(*ms_ssim(a, b), r.ms_ssim, 1e-10) << r.width;
  }
}

TEST(MsSsim, AgreesWithTheDefinitionWrittenPlainly) {
  const Picture a = pattern(163, 161);
  const Picture b = coarsen(a, 48);
  EXPECT_NEAR(*ms_ssim(a, b), plain_ms_ssim(a, b), 1e-10);
  // Unrelated noise: some contrast terms fall below zero and must count as zero, not as NaN.
  const Picture c = noise({161, 170}, 3);
  const Picture d = noise({161, 170}, 4);
  EXPECT_NEAR(*ms_ssim(c, d), plain_ms_ssim(c, d), 1e-10);
}

TEST(MsSsim, OneForEqualPicturesAndSymmetric) {
  const Picture a = pattern(170, 165);
  const Picture b = coarsen(a, 20);
  EXPECT_NEAR(*ms_ssim(a, a), 1.0, 1e-12);
  EXPECT_NEAR(*ms_ssim(a, b), *ms_ssim(b, a), 1e-13);
  EXPECT_LT(*ms_ssim(a, b), 1.0);
}

TEST(MsSsim, RefusesPicturesTooSmallForFiveScales) {
  const Result<double> value = ms_ssim(Picture({160, 400}), Picture({160, 400}));
  ASSERT_FALSE(value);
  EXPECT_NE(value.error().message.find("160"), std::string::npos);
  EXPECT_TRUE(ms_ssim(Picture({161, 161}), Picture({161, 161})));
  EXPECT_FALSE(ms_ssim(Picture({161, 161}), Picture({161, 162})));
}

TEST(MsSsim, InDecibels) {
  EXPECT_NEAR(ms_ssim_db(0.99), 20.0, 1e-9);
}

}  // namespace
}  // namespace compass::eval
