// The search for symbols that cost less: it must lower the cost, and files must decode as those without a
// search do.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/latent_coder.h"
#include "codec/layer_analysis.h"
#include "codec/layer_search.h"
#include "codec/layer_synthesis.h"
#include "codec/symbol_search.h"
#include "codec/testing/pictures.h"
#include "core/sanitized.h"
#include "entropy/layer_coder.h"
#include "image/psnr.h"
#include "model_writer/random_model.h"

namespace compass {
namespace {

TEST(Search, DecodersSeeWhatTheEncoderMade) {
  Encoder encoder(tiny_model(), {.threads = 2});
  Decoder decoder(tiny_model(), {.threads = 1});
  for (const auto& sizes :
       {std::vector<Size>{{1, 1}}, std::vector<Size>{{1, 1}, {2, 1}, {3, 7}},
        std::vector<Size>{{25, 18}, {70, 50}}, std::vector<Size>{{33, 47}, {33, 94}, {99, 95}}}) {
    const auto encoded = encode(encoder, test_picture(sizes.back()), sizes, 3);
    for (size_t k = 0; k < sizes.size(); ++k) {
      MemorySource source(encoded.bytes);
      const auto decoded = decoder.decode(source, {.layer = static_cast<int>(k)});
      ASSERT_TRUE(decoded) << decoded.error().message;
      EXPECT_TRUE(decoded->damage.empty());
      EXPECT_EQ(largest_difference(decoded->image, encoded.reconstructions[k]), 0.0) << "layer " << k;
    }
  }
}

TEST(Search, ThreadsAndMeasuringChangeNothing) {
  const std::vector<Size> sizes = {{60, 44}, {120, 88}, {333, 201}};
  const Image picture = test_picture(sizes.back());
  Encoder one(tiny_model(), {.threads = 1});
  const auto expected = encode(one, picture, sizes, 4);
  Encoder three(tiny_model(), {.threads = 3});
  EXPECT_EQ(encode(three, picture, sizes, 4).bytes, expected.bytes);
  const auto unmeasured = three.encode(picture, {.sizes = sizes, .effort = 4});
  ASSERT_TRUE(unmeasured);
  EXPECT_EQ(unmeasured->bytes, expected.bytes);
}

// Bits plus lambda times squared error, of the one layer: what the search lowers. By how much depends on the
// model and the picture (bench/search_gain.cc); here any gain will do.
TEST(Search, LowersTheCost) {
  if (kSanitized) GTEST_SKIP() << "takes a sanitizer minutes, through code that other tests go through";
  const auto model = shipped_model();
  for (const Precision precision : {Precision::kF32, Precision::kAuto}) {
    Encoder encoder(model, {.precision = precision});
    const Size size{200, 136};
    const Image picture = test_picture(size);
    const double weight = 1.25 * model->lambda(model->rate_position(50.0)) * 255.0 * 255.0;
    const auto cost = [&](int effort) {
      const auto encoded = encode(encoder, picture, {size}, effort);
      const double mse = std::pow(10.0, -encoded.layers[0].psnr / 10.0);
      return 8.0 * static_cast<double>(encoded.layers[0].bytes) +
             weight * mse * static_cast<double>(size.pixels());
    };
    const double none = cost(0), few = cost(3), many = cost(16);
    EXPECT_LT(few, none);
    EXPECT_LT(many, none);
  }
}

// Tiles as small as these are no place to measure curvatures: they follow those of the whole.
TEST(Search, TilesLowerTheCostAsWell) {
  if (kSanitized) GTEST_SKIP() << "takes a sanitizer minutes, through code that other tests go through";
  const auto model = shipped_model();
  ThreadPool pool(2);
  nn::Context context(pool, Precision::kF32);
  const std::vector<Size> sizes = {{150, 1110}};  // more than two blocks of a trellis
  const Image picture = test_picture(sizes[0]);
  const Original original(picture);
  const auto& tables = model->latent_tables(CodecKind::kBase);
  const auto cost = [&](int side, SymbolSearch* search) {
    PyramidNetworks networks(model, context);
    TileBuffers buffers;
    LayerAnalysis analysis(networks, buffers);
    LayerSynthesis synthesis(networks, buffers);
    LayerSearch layer_search(networks, buffers);
    EXPECT_TRUE(networks.make_search());
    networks.limit_tiles(side);
    const SpatialLayer place{sizes, 0, 2.5F};
    EXPECT_EQ(analysis_tiles(networks, place).size() > 1, side < 1024);
    Tensor y = analysis.analyse(place, original, nullptr);
    using Next = LayerAnalysis::Next;
    auto latents =
        analysis.quantise(place, std::move(y), search != nullptr ? Next::kSearch : Next::kReconstruct);
    if (search != nullptr) layer_search.run(place, original, nullptr, *search, latents);
    const auto trellis = trellis_layout(*model, place, latents.y_hat.width);
    const auto bytes = encode_layer({latents.z, latents.y, latents.indexes, latents.coefficients,
                                     static_cast<size_t>(networks.filter(0).directions), trellis},
                                    model->hyper_tables(CodecKind::kBase), tables);
    EXPECT_TRUE(bytes);
    const Image made = std::move(synthesis.reconstruct(place, latents, nullptr, whole(sizes[0])).image);
    const double mse = std::pow(10.0, -psnr(made, picture) / 10.0);
    const double weight = 1.25 * model->lambda(2.5F) * 255.0 * 255.0;
    return 8.0 * static_cast<double>(bytes->size()) + weight * mse * static_cast<double>(sizes[0].pixels());
  };
  SymbolSearch search(tables, 8);
  const double plain = cost(2048, nullptr), whole = cost(2048, &search), tiled = cost(64, &search);
  RecordProperty("plain", static_cast<int>(plain));
  RecordProperty("whole", static_cast<int>(whole));
  RecordProperty("tiled", static_cast<int>(tiled));
  EXPECT_LT(whole, plain);
  EXPECT_LT(tiled, plain);
  // What tiles lose, or find by chance, is little of what there is to gain.
  EXPECT_LT(std::max(tiled, whole) - std::min(tiled, whole), (plain - std::min(tiled, whole)) / 2);
}

// A window that forgets is made again for the second pass: that costs time, and changes nothing.
TEST(Search, PredictionsNeedNotBeKept) {
  const auto model = tiny_model();
  ThreadPool pool(2);
  nn::Context context(pool);
  PyramidNetworks networks(model, context);
  TileBuffers buffers;
  LayerAnalysis analysis(networks, buffers);
  LayerSearch layer_search(networks, buffers);
  LayerSynthesis synthesis(networks, buffers);
  ASSERT_TRUE(networks.make_search());
  networks.limit_tiles(64);
  const std::vector<Size> sizes = {{20, 350}, {40, 700}};  // higher than a window of a tile and its halo
  const SpatialLayer place{sizes, 1, 0.0F};
  const Image picture = test_picture(sizes[1]);
  const Original original(picture);
  ImageView below{test_picture(sizes[0]), whole(sizes[0])};
  const auto symbols = [&](PredictionWindow::Passed passed) {
    PredictionWindow window = synthesis.predict(place, below, whole(sizes[1]), passed);
    Tensor y = analysis.analyse(place, original, &window);
    auto latents = analysis.quantise(place, std::move(y), LayerAnalysis::Next::kSearch);
    const auto before = latents.y;
    SymbolSearch search(model->latent_tables(CodecKind::kEnhancement), 3);
    layer_search.run(place, original, &window, search, latents);
    EXPECT_NE(latents.y, before);
    return latents.y;
  };
  EXPECT_EQ(symbols(PredictionWindow::Passed::kKept), symbols(PredictionWindow::Passed::kMadeAgain));
}

TEST(Search, IsDoneUnaskedWhereItCanBe) {
  const Image picture = test_picture({64, 48});
  const auto code = [&](Encoder& encoder, std::optional<int> effort) {
    auto result = encoder.encode(picture, {.sizes = {{64, 48}}, .effort = effort});
    EXPECT_TRUE(result) << result.error().message;
    return *std::move(result);
  };
  Encoder tiny(tiny_model());
  const auto unasked = code(tiny, std::nullopt);
  EXPECT_EQ(unasked.effort, kDefaultEffort);
  EXPECT_EQ(unasked.bytes, code(tiny, kDefaultEffort).bytes);
  EXPECT_EQ(code(tiny, 0).effort, 0);
  Encoder paper(*random_model("paper"));  // GDN
  EXPECT_EQ(code(paper, std::nullopt).effort, 0);
}

TEST(Search, CostsAreThoseOfTheTables) {
  const auto model = tiny_model();
  const CdfTables& tables = model->latent_tables(CodecKind::kBase);
  const SymbolCosts costs(tables);
  double share = 0.0;
  for (int symbol = -SymbolCosts::kReach; symbol <= SymbolCosts::kReach; ++symbol) {
    share += std::exp2(-costs.row(20)[symbol + SymbolCosts::kReach]);
  }
  EXPECT_LE(share, 1.0 + 1e-6);
  EXPECT_GT(share, 0.99);
  for (int symbol = 1; symbol < SymbolCosts::kReach; ++symbol) {  // escapes cost more, too
    EXPECT_GE(costs.row(5)[SymbolCosts::kReach + symbol + 1],
              costs.row(5)[SymbolCosts::kReach + symbol] - 1e-6F);
  }
}

TEST(Search, IsRefusedWhereItCannotBe) {
  const Image picture = test_picture({64, 48});
  const auto code = [&](const std::shared_ptr<const Model>& model, int effort) {
    const auto result = Encoder(model).encode(picture, {.sizes = {{64, 48}}, .effort = effort});
    EXPECT_FALSE(result);
    return result.error().code;
  };
  EXPECT_EQ(code(tiny_model(), -1), ErrorCode::kUsage);
  EXPECT_EQ(code(tiny_model(), kMaxEffort + 1), ErrorCode::kUsage);
  EXPECT_EQ(code(*random_model("paper"), 1), ErrorCode::kUsage);  // GDN
}

}  // namespace
}  // namespace compass
