// LIFF against the reference's tensors, against its unfactored twin, and part by part against the whole.
#include "networks/liff.h"

#include <gtest/gtest.h>

#include "core/testing/tensor.h"
#include "model_file/liff_grid.h"
#include "model_file/testing/golden_model.h"
#include "model_writer/random_model.h"
#include "networks/liff_features.h"
#include "networks/liff_pixel_weights.h"
#include "networks/testing/liff_plain.h"
#include "nn/row_pass.h"

namespace compass {
namespace {

Rect whole_of(const Tensor& t) {
  return {0, 0, t.width, t.height};
}

// All stripes' features of a picture.
Tensor features_of(nn::Context& context, LiffFeatures& network, const Tensor& below) {
  const Size size{below.width, below.height};
  const LiffFeaturesPlan plan = network.plan(size, whole(size));
  Tensor out(plan.maps.back().channels, size.height, size.width);
  nn::Map target;
  target.channels = target.pitch = out.channels;
  target.part = target.held = whole(size);
  target.full = size;
  target.f32 = out.data.data();
  LiffFeatures::Stripes stripes(context, plan, nn::view_of(below));
  for (size_t i = 0; i < plan.stripes.size(); ++i) {
    const nn::MapView view = stripes.next();
    nn::copy_rows(context, view, target, view.part);
  }
  return out;
}

std::shared_ptr<const Model> tiny_model() {
  const auto model = Model::load(std::string(COMPASS_SOURCE_DIR) + "/tests/data/tiny.safetensors");
  EXPECT_TRUE(model) << model.error().message;
  return model ? *model : nullptr;
}

class GoldenLiff : public testing::TestWithParam<std::tuple<const char*, const char*>> {};

TEST_P(GoldenLiff, EveryStage) {
  const std::string name = std::get<0>(GetParam());
  if (!Golden::open(golden_weights(name))) GTEST_SKIP() << "no golden files here (set COMPASS_SHARED)";
  const auto golden = Golden::open(name + ".safetensors");
  ASSERT_TRUE(golden);
  const std::string prefix = std::string(std::get<1>(GetParam())) + ".";
  const auto model = golden_model(name);
  ASSERT_NE(model, nullptr);
  ThreadPool pool(2);
  nn::Context context(pool, Precision::kF32);
  const Tensor below = golden->tensor(prefix + "in");
  const auto target_hw = golden->integers(prefix + "target_hw");
  const Size target{target_hw[1], target_hw[0]};

  LiffFeatures features(*model->description().liff, model->liff_weights(), context);
  const Tensor golden_features = golden->tensor(prefix + "feat");
  EXPECT_LT(relative_error(features_of(context, features, below), golden_features), 1e-4);

  const GridAxis rows = grid_axis(NearestRule::kReference, below.height, target.height, 0, target.height);
  const GridAxis cols = grid_axis(NearestRule::kReference, below.width, target.width, 0, target.width);
  EXPECT_EQ(rows.source, golden->integers(prefix + "src_iy"));
  EXPECT_EQ(cols.source, golden->integers(prefix + "src_ix"));
  const auto rel_y = golden->floats(prefix + "rel_y");
  const auto rel_x = golden->floats(prefix + "rel_x");
  for (size_t i = 0; i < rel_y.size(); ++i) EXPECT_NEAR(rows.relative[i], rel_y[i], 1e-5);
  for (size_t i = 0; i < rel_x.size(); ++i) EXPECT_NEAR(cols.relative[i], rel_x[i], 1e-5);
  const auto token = golden->floats(prefix + "rel_cell");

  const Tensor want = golden->tensor(prefix + "out");
  const float unit = spread(want);
  for (int y = 0; y < want.height; y += 3) {
    for (int x = 0; x < want.width; x += 5) {
      const auto pixel =
          plain_liff_pixel(model->liff_weights(), golden_features, rows, cols, token[0], token[1], y, x);
      for (int c = 0; c < 3; ++c) ASSERT_NEAR(pixel[c], want.at(c, y, x), 1e-4 * unit);
    }
  }
  LiffPixelWeights pixel_weights(*model->description().liff, model->liff_weights(), context);
  Tensor factored(3, target.height, target.width);
  const GridAxis none;
  const LiffPixelWeights::Sources sources{rows, cols, none, none};
  pixel_weights.run(pixel_weights.plan({below.width, below.height}, sources),
                    nn::view_of(golden_features, whole_of(golden_features), {below.width, below.height}),
                    {sources, token[0], token[1]}, factored.data.data(),
                    static_cast<size_t>(target.width) * 3);
  EXPECT_LT(relative_error(factored, want), 1e-4);

  // All of it, with the token that this case was made with: tiny_cellbug's comes from EL1's size for every
  // layer.
  Liff liff(model, context);
  Size token_target = target;
  if (name == "tiny_cellbug") {
    const auto first_hw = golden->integers("liff1.target_hw");
    token_target = {first_hw[1], first_hw[0]};
  }
  EXPECT_NEAR(2.0 * below.height / token_target.height, token[0], 1e-6);
  EXPECT_LT(relative_error(liff.predict(below, target, token_target), want), 1e-4);
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenLiff,
                         testing::Combine(testing::Values("small", "tiny_even", "tiny_odd", "tiny_frac",
                                                          "tiny_same", "tiny_cellbug"),
                                          testing::Values("liff1", "liff2")),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + std::get<1>(info.param);
                         });

// The definition, on features that the network made.
TEST(PointwiseLiff, EqualsItsDefinition) {
  const auto model = *random_model("lite-swift-liff");
  ThreadPool pool(2);
  nn::Context f32(pool, Precision::kF32), exact(pool, Precision::kExact), bf16(pool, Precision::kBF16);
  LiffFeatures features(*model->description().liff, model->liff_weights(), f32);
  for (const auto& [size, target] : {std::pair{Size{13, 9}, Size{31, 9}},
                                     {Size{40, 130}, Size{60, 195}},
                                     {Size{1, 1}, Size{5, 4}},
                                     {Size{6, 7}, Size{6, 7}}}) {
    const Tensor below = random_picture(size, 7);
    const Tensor made = features_of(f32, features, below);
    const GridAxis rows = grid_axis(NearestRule::kInteger, size.height, target.height, 0, target.height);
    const GridAxis cols = grid_axis(NearestRule::kInteger, size.width, target.width, 0, target.width);
    const auto token = [](int m, int n) { return 2.0F / static_cast<float>(n) * static_cast<float>(m); };
    Tensor want(3, target.height, target.width);
    for (int y = 0; y < target.height; ++y) {
      for (int x = 0; x < target.width; ++x) {
        const auto pixel =
            plain_liff_pixel(model->liff_weights(), made, rows, cols, token(size.height, target.height),
                             token(size.width, target.width), y, x);
        for (int c = 0; c < 3; ++c) want.at(c, y, x) = pixel[c];
      }
    }
    EXPECT_LT(relative_error(Liff(model, f32).predict(below, target), want), 1e-4) << size.width;
    EXPECT_LT(relative_error(Liff(model, exact).predict(below, target), want), 1e-4) << size.width;
    // The largest error: sums of products that cancel, of features that five convolutions rounded.
    EXPECT_LT(relative_error(Liff(model, bf16).predict(below, target), want), 0.1) << size.width;
  }
}

TEST(Liif, EqualsItsDefinition) {
  const auto model = *random_model("lite-liif");
  ThreadPool pool(2);
  nn::Context f32(pool, Precision::kF32), bf16(pool, Precision::kBF16);
  LiffFeatures features(*model->description().liff, model->liff_weights(), f32);
  Liff exact(model, f32), coarse(model, bf16);
  // 1.5 times has targets half-way between source pixels; one source pixel alone is its own neighbour.
  for (const auto& [size, target] : {std::pair{Size{13, 9}, Size{31, 9}},
                                     {Size{40, 30}, Size{60, 45}},
                                     {Size{1, 1}, Size{5, 4}},
                                     {Size{6, 7}, Size{6, 7}},
                                     {Size{90, 3}, Size{150, 8}}}) {
    const Tensor below = random_picture(size, 7);
    const Tensor made = features_of(f32, features, below);
    const Tensor got = exact.predict(below, target);
    const Tensor got_coarse = coarse.predict(below, target);
    Tensor want(3, target.height, target.width);
    for (int y = 0; y < target.height; ++y) {
      for (int x = 0; x < target.width; ++x) {
        const auto pixel = plain_liif_pixel(model->liff_weights(), made, target, y, x);
        for (int c = 0; c < 3; ++c) want.at(c, y, x) = pixel[c];
      }
    }
    EXPECT_LT(relative_error(got, want), 1e-4) << size.width << "x" << size.height;
    EXPECT_LT(relative_error(got_coarse, want), 0.03) << size.width << "x" << size.height;
  }
}

TEST(Liif, CostsWhatItsLayersMultiply) {
  ThreadPool pool(1);
  nn::Context context(pool, Precision::kF32);
  const Size below{100, 50}, target{200, 100};
  const double pixels = 200.0 * 100.0;
  const double middle = 3 * 256.0 * 256.0;
  const Liff liff(*random_model("paper"), context), liif(*random_model("paper-liif"), context);
  EXPECT_EQ(liff.cost(below, target).features, liif.cost(below, target).features);
  EXPECT_EQ(liff.cost_as_written(below, target).mlp, pixels * (580 * 256 + middle + 256 * 1728 + 1728));
  EXPECT_EQ(liif.cost_as_written(below, target).mlp, pixels * 4 * (580 * 256 + middle + 256 * 3));
  // Factored: the first layer's part of the features once for each source pixel.
  EXPECT_EQ(liif.cost(below, target).mlp,
            pixels * 4 * (2 * 256 + middle + 3 * 256) + pixels / 4 * (576 * 256));
}

class EveryPredictor : public testing::TestWithParam<const char*> {
 protected:
  static std::shared_ptr<const Model> model() {
    return std::string(GetParam()) == "tiny" ? tiny_model() : *random_model(GetParam());
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, EveryPredictor, testing::Values("tiny", "lite-swift-liff", "lite-liif"),
                         [](const auto& info) {
                           const std::string name = info.param;
                           return name == "tiny" ? "Liff" : name == "lite-liif" ? "Liif" : "PointwiseLiff";
                         });

TEST_P(EveryPredictor, PartsEqualTheWhole) {
  const auto model = this->model();
  ASSERT_NE(model, nullptr);
  ThreadPool pool(2);
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    nn::Context context(pool, precision);
    Liff liff(model, context);
    for (const auto& [below_size, target] :
         {std::pair{Size{37, 29}, Size{101, 64}}, {Size{5, 1}, Size{9, 4}}, {Size{64, 50}, Size{64, 50}}}) {
      const Tensor below = random_picture(below_size, 3);
      const Tensor all = liff.predict(below, target);
      const Liff::Geometry g{below_size, target, target};
      for (const Rect out :
           {Rect{0, 0, 1, 1},
            Rect{target.width / 3, target.height / 2, target.width / 2, target.height / 3 + 1},
            Rect{target.width - 2, target.height - 1, 2, 1}}) {
        const Tensor part = liff.predict(crop(below, liff.footprint(g, out)), g, out);
        for (int y = 0; y < out.height; ++y) {
          for (int x = 0; x < out.width; ++x) {
            for (int c = 0; c < 3; ++c) {
              EXPECT_NEAR(part.at(c, y, x), all.at(c, out.y + y, out.x + x),
                          precision == Precision::kF32 ? 1e-5 : 1e-3);
            }
          }
        }
      }
    }
  }
}

// Tall pictures are made in stripes, short parts of them in one piece. Exactly computed, both have the same
// bits.
TEST(Liff, StripesEqualOnePiece) {
  const auto model = tiny_model();
  ASSERT_NE(model, nullptr);
  ThreadPool pool(2);
  nn::Context context(pool, Precision::kExact);
  Liff liff(model, context);
  for (const auto& [below_size, target] : {std::pair{Size{21, 150}, Size{40, 301}},
                                           {Size{9, 97}, Size{9, 97}},
                                           {Size{1, 130}, Size{7, 150}},
                                           {Size{70, 51}, Size{75, 400}}}) {
    const Tensor below = random_picture(below_size, 5);
    const Liff::Geometry g{below_size, target, target};
    EXPECT_GT(liff.plan(g, whole(target))->stripes.size(), 1U);
    const Tensor all = liff.predict(below, target);
    // Parts that begin at no multiple of anything.
    for (int y = 0, height = 5; y < target.height; y += height, height = 17 - height % 13) {
      const Rect out{0, y, target.width, std::min(height, target.height - y)};
      EXPECT_EQ(liff.plan(g, out)->stripes.size(), 1U);
      const Tensor part = liff.predict(crop(below, liff.footprint(g, out)), g, out);
      for (int row = 0; row < out.height; ++row) {
        EXPECT_TRUE(
            std::equal(part.pixel(row, 0), part.pixel(row, 0) + 3 * target.width, all.pixel(y + row, 0)))
            << target.width << "x" << target.height << " row " << y + row;
      }
    }
  }
}

// The memory of a plan does not grow with the picture's height, and is near what its rows need.
TEST(Liff, TallPicturesNeedNoMoreMaps) {
  const auto model = tiny_model();
  ASSERT_NE(model, nullptr);
  ThreadPool pool(1);
  nn::Context context(pool, Precision::kExact);
  const Liff liff(model, context);
  const auto bytes = [&](int height) {
    const Size target{200, 2 * height};
    return liff.plan({{100, height}, target, target}, whole(target))->map_bytes;
  };
  EXPECT_EQ(bytes(4200), bytes(1000));  // as many whole stripes more
  EXPECT_LT(bytes(1000), 2 * bytes(50));
}

TEST_P(EveryPredictor, ThreadsDoNotChangeResults) {
  const auto model = this->model();
  ASSERT_NE(model, nullptr);
  const Tensor below = random_picture({83, 61}, 4);
  Tensor first;
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    nn::Context context(pool);
    const Tensor out = Liff(model, context).predict(below, {200, 131});
    if (threads == 1) first = out;
    EXPECT_EQ(out.data, first.data) << threads;
  }
}

}  // namespace
}  // namespace compass
