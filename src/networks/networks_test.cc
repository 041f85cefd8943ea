// The tiny model's networks, part by part against the whole, and the rounding of symbols.
#include "networks/networks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/testing/tensor.h"

namespace compass {
namespace {

TEST(CodecNetworks, PartsEqualTheWholeAndIndexesAreExact) {
  const auto model = Model::load(std::string(COMPASS_SOURCE_DIR) + "/tests/data/tiny.safetensors");
  ASSERT_TRUE(model);
  ThreadPool pool(2);
  nn::Context f32(pool, Precision::kF32);
  nn::Context fast(pool);
  for (const CodecKind kind : {CodecKind::kBase, CodecKind::kEnhancement}) {
    CodecNetworks networks(*model, kind, f32);
    CodecNetworks others(*model, kind, fast);
    EXPECT_EQ(networks.conditional(), kind == CodecKind::kEnhancement);
    for (const Size size : {Size{1, 1}, Size{31, 17}, Size{97, 130}}) {
      const Tensor x = random_picture(size, 1);
      const Tensor prediction = random_picture(size, 2);
      const Size latent = networks.latent_size(size);
      const Tensor y = networks.analyse(x, &prediction, 0.7F);
      ASSERT_EQ(y.width, latent.width);
      ASSERT_EQ(y.height, latent.height);
      const auto z = networks.quantise_hyper(networks.hyper_analyse(y));
      const HyperParameters h = networks.hyper_synthesise(z, size);
      EXPECT_EQ(others.hyper_synthesise(z, size).indexes, h.indexes);
      const Tensor y_hat = dequantise(quantise(y, h.means), h.means);
      const Tensor x_hat = networks.synthesise(y_hat, &prediction, 0.7F, size);
      ASSERT_EQ(x_hat.width, size.width);

      const Rect latents{latent.width / 2, latent.height / 3, (latent.width + 1) / 2,
                         (latent.height + 2) / 3};
      const Rect pixels = networks.analysis_footprint(size, latents);
      const Tensor x_part = crop(x, pixels);
      const Tensor p_part = crop(prediction, pixels);
      const Tensor y_part = networks.analyse(x_part, &p_part, 0.7F, size, latents);
      const Tensor y_want = crop(y, latents);
      for (size_t i = 0; i < y_want.size(); ++i) ASSERT_NEAR(y_part.data[i], y_want.data[i], 1e-5);

      const HyperParameters h_part = networks.hyper_synthesise(z, size, latents);
      const Tensor means_want = crop(h.means, latents);
      for (size_t i = 0; i < means_want.size(); ++i)
        ASSERT_NEAR(h_part.means.data[i], means_want.data[i], 1e-5);
      for (int row = 0; row < latents.height; ++row) {
        for (int i = 0; i < latents.width * 12; ++i) {
          ASSERT_EQ(h_part.indexes[row * latents.width * 12 + i],
                    h.indexes[((latents.y + row) * latent.width + latents.x) * 12 + i]);
        }
      }

      const Rect out{size.width / 3, size.height / 4, (size.width + 1) / 2, (size.height + 1) / 2};
      const auto footprint = networks.synthesis_footprint(size, out);
      const Tensor hat_part = crop(y_hat, footprint.latents);
      const Tensor seen = crop(prediction, footprint.prediction);
      const Tensor rec = networks.synthesise(hat_part, &seen, 0.7F, size, out);
      const Tensor want = crop(x_hat, out);
      for (size_t i = 0; i < want.size(); ++i) ASSERT_NEAR(rec.data[i], want.data[i], 1e-5);
    }
  }
}

TEST(Quantise, RoundsHalvesToEvenAndSurvivesExtremes) {
  Tensor y(1, 1, 8);
  Tensor means(1, 1, 8);
  const float values[] = {0.5F, 1.5F, 2.5F, -0.5F, -1.5F, 1e30F, -1e30F, std::nanf("")};
  std::copy(std::begin(values), std::end(values), y.data.begin());
  EXPECT_EQ(quantise(y, means), (std::vector<int32_t>{0, 2, 2, 0, -2, 1 << 24, -(1 << 24), 0}));
}

}  // namespace
}  // namespace compass
