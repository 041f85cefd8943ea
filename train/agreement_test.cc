// Trainer and runtime are the same networks: same weights and input, same values to 1e-4 in f32.
#include <gtest/gtest.h>

#include "codec/predictor.h"
#include "entropy/escape.h"
#include "entropy/scales.h"
#include "export.h"
#include "gdn.h"
#include "model_file/safetensors.h"
#include "networks/networks.h"
#include "nn/context.h"
#include "priors/factorised_prior.h"
#include "pyramid.h"

namespace compass::train {
namespace {

using nlohmann::json;

json tiny_codec(bool conditional) {
  json g_a = json::parse(R"([
    {"op": "unshuffle", "factor": 8}, {"op": "conv", "in": 192, "out": 24, "kernel": 3, "stride": 1},
    {"op": "res", "channels": 24, "kernel": 3, "act": "leaky_relu"},
    {"op": "conv", "in": 24, "out": 24, "kernel": 3, "stride": 2},
    {"op": "res", "channels": 24, "kernel": 3, "hidden": 40, "act": "relu"},
    {"op": "conv", "in": 24, "out": 12, "kernel": 1, "stride": 1}, {"op": "rate_gain", "channels": 12}])");
  json g_s = json::parse(R"([
    {"op": "rate_gain", "channels": 12}, {"op": "conv", "in": 12, "out": 24, "kernel": 1, "stride": 1},
    {"op": "subpel", "in": 24, "out": 24, "kernel": 3, "factor": 2},
    {"op": "res", "channels": 24, "kernel": 3, "act": "leaky_relu"},
    {"op": "subpel", "in": 24, "out": 3, "kernel": 3, "factor": 8}])");
  if (conditional) {
    const json condition =
        json::parse(R"({"op": "condition", "factor": 8, "in": 3, "out": 24, "kernel": 1})");
    g_a.insert(g_a.begin() + 2, condition);
    g_s.insert(g_s.begin() + 3, condition);
  }
  json codec = json::parse(R"({
    "channels": 3, "latent_channels": 12, "hyper_channels": 8, "quantise": "integer",
    "h_a": [{"op": "conv", "in": 12, "out": 16, "kernel": 3, "stride": 1, "act": "leaky_relu"},
            {"op": "conv", "in": 16, "out": 16, "kernel": 3, "stride": 2, "act": "leaky_relu"},
            {"op": "conv", "in": 16, "out": 8, "kernel": 3, "stride": 2}],
    "h_s": [{"op": "subpel", "in": 8, "out": 16, "kernel": 3, "factor": 2, "act": "leaky_relu"},
            {"op": "subpel", "in": 16, "out": 16, "kernel": 1, "factor": 2, "act": "leaky_relu"},
            {"op": "conv", "in": 16, "out": 12, "kernel": 3, "stride": 1}],
    "h_scales": [{"op": "int_conv", "in": 8, "out": 8, "kernel": 3, "factor": 2},
                 {"op": "int_conv", "in": 8, "out": 8, "kernel": 3, "factor": 2},
                 {"op": "int_conv", "in": 8, "out": 12, "kernel": 3, "limit": 63}]})");
  codec["g_a"] = g_a;
  codec["g_s"] = g_s;
  return codec;
}

Description described(const json& d) {
  auto description = parse_description(d.dump());
  EXPECT_TRUE(description) << description.error().message;
  return *description;
}

// The lite profile in small.
Description tiny_description() {
  json d = json::parse(R"({"name": "tiny", "rules": {"nearest": "integer", "scale_token": "own"},
                           "rate_points": [0.002, 0.005, 0.012],
                           "liff": {"g0": 16, "blocks": 2, "convs": 2, "growth": 8, "hidden": [16, 24],
                                    "residual": "bicubic"}})");
  d["base"] = tiny_codec(false);
  d["enhancement"] = tiny_codec(true);
  return described(d);
}

// What the lite profile has not: the paper's layers, with the reference's padding in the hyper networks,
// scales as floats, a shuffle, and the reference's rules.
Description tiny_paper() {
  json base = json::parse(R"({
    "latent_channels": 12, "hyper_channels": 8, "quantise": "integer",
    "g_a": [{"op": "conv", "in": 3, "out": 8, "kernel": 5, "stride": 2}, {"op": "gdn", "channels": 8},
            {"op": "conv", "in": 8, "out": 12, "kernel": 5, "stride": 2}],
    "g_s": [{"op": "deconv", "in": 12, "out": 8}, {"op": "igdn", "channels": 8}, {"op": "deconv", "in": 8, "out": 3}],
    "h_a": [{"op": "conv", "in": 12, "out": 8, "align": 2, "act": "leaky_relu"},
            {"op": "conv", "in": 8, "out": 8, "kernel": 5, "stride": 2, "act": "relu"},
            {"op": "conv", "in": 8, "out": 8, "kernel": 5, "stride": 2}],
    "h_s": [{"op": "deconv", "in": 8, "out": 12, "act": "leaky_relu"}, {"op": "deconv", "in": 12, "out": 18, "act": "relu"},
            {"op": "conv", "in": 18, "out": 24, "align": 2}]})");
  json enhancement = base;
  enhancement["g_a"] = json::parse(R"([
    {"op": "unshuffle", "factor": 2}, {"op": "conv", "in": 12, "out": 8, "act": "relu"},
    {"op": "conv", "in": 8, "out": 12, "stride": 2}])");
  enhancement["g_s"] = json::parse(R"([
    {"op": "subpel", "in": 12, "out": 8, "factor": 2, "act": "leaky_relu"},
    {"op": "conv", "in": 8, "out": 12, "kernel": 1}, {"op": "shuffle", "factor": 2}])");
  return described({{"name", "paper"},
                    {"rules", {{"nearest", "reference"}, {"scale_token", "first"}}},
                    {"rate_points", {0.0067}},
                    {"base", base},
                    {"enhancement", enhancement},
                    {"liff", {{"g0", 8}, {"blocks", 1}, {"convs", 2}, {"growth", 4}, {"hidden", {12}}}}});
}

// The rivals that a description knows: a factorised prior in the base codec, and LIIF in LIFF's place.
Description tiny_rivals() {
  json d = json::parse(tiny_description().canonical);
  json& base = d["base"];
  for (const char* key : {"hyper_channels", "h_a", "h_s", "h_scales"}) base.erase(key);
  base["prior"] = "factorised";
  d["liff"]["kind"] = "liif";
  return described(d);
}

// LIFF on the features at a source pixel alone.
Description tiny_pointwise() {
  json d = json::parse(tiny_description().canonical);
  d["liff"]["unfold"] = 1;
  return described(d);
}

// [1,C,H,W] -> the runtime's [H,W,C], and the largest difference between the two kinds.
compass::Tensor to_runtime(const torch::Tensor& t) {
  const torch::Tensor rows = t[0].permute({1, 2, 0}).contiguous();
  compass::Tensor result(static_cast<int>(t.size(1)), static_cast<int>(t.size(2)),
                         static_cast<int>(t.size(3)));
  std::copy_n(rows.data_ptr<float>(), rows.numel(), result.data.begin());
  return result;
}

double difference(const compass::Tensor& a, const torch::Tensor& b) {
  const compass::Tensor other = to_runtime(b);
  EXPECT_EQ(a.data.size(), other.data.size());
  double largest = 0.0;
  for (size_t i = 0; i < a.data.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(a.data[i] - other.data[i])));
  }
  return largest;
}

struct Pair {
  System system{nullptr};
  std::shared_ptr<const Model> model;
};

// A system with random weights everywhere (fresh ones are zero in places), rounded as the file stores them.
Pair make_pair(const Description& description = tiny_description()) {
  torch::manual_seed(7);
  Pair pair;
  pair.system = System(description);
  const torch::NoGradGuard guard;
  for (auto& item : pair.system->named_parameters()) {
    auto& value = item.value();
    if (item.key().find("h_scales") != std::string::npos) continue;
    if (value.dim() == 4) {
      const double fan_in = static_cast<double>(value.size(1) * value.size(2) * value.size(3));
      value.copy_(torch::randn(value.sizes()) / std::sqrt(fan_in));
    } else if (value.dim() < 3) {
      value.add_(torch::randn(value.sizes()) * 0.1);
    }
    if (value.dim() > 1) value.copy_(value.to(at::kHalf).to(at::kFloat));
  }
  auto model = Model::parse(export_model(*pair.system, {}, {}));
  EXPECT_TRUE(model) << model.error().message;
  pair.model = *model;
  return pair;
}

struct Case {
  Description (*description)();
  int height, width;
};

class Agreement : public testing::TestWithParam<Case> {};

TEST_P(Agreement, EveryStageOfBothCodecs) {
  const torch::NoGradGuard guard;
  const auto [description, height, width] = GetParam();
  auto pair = make_pair(description());
  const Size size = {width, height};
  ThreadPool pool(2);
  nn::Context context(pool, Precision::kF32);
  for (const bool enhancement : {false, true}) {
    auto& trainer = enhancement ? pair.system->enhancement : pair.system->base;
    CodecNetworks runtime(pair.model, enhancement ? CodecKind::kEnhancement : CodecKind::kBase, context);
    const torch::Tensor x = torch::rand({1, 3, height, width});
    const torch::Tensor prediction = torch::rand({1, 3, height, width});
    const float rate = 0.7F;
    const Pass pass{torch::full({1}, rate), prediction, at::kFloat, {}};
    const auto runtime_prediction = to_runtime(prediction);
    const auto* seen = enhancement ? &runtime_prediction : nullptr;

    const torch::Tensor y = trainer->analyse(x, pass);
    const auto runtime_y = runtime.analyse(to_runtime(x), seen, rate);
    EXPECT_LT(difference(runtime_y, y), 1e-4) << "y";

    const torch::Tensor y_hat = at::round(y * 2.0);
    const torch::Tensor x_hat = trainer->g_s->synthesise(y_hat, pass, {height, width});
    EXPECT_LT(difference(runtime.synthesise(to_runtime(y_hat), seen, rate, size), x_hat), 1e-4) << "x_hat";
    if (trainer->factorised()) continue;

    const torch::Tensor z = trainer->h_a->analyse(y, pass);
    EXPECT_LT(difference(runtime.hyper_analyse(runtime_y), z), 1e-4) << "z";

    const torch::Tensor z_hat = at::round(z * 3.0);  // some spread
    const auto symbols = to_runtime(z_hat);
    const std::vector<int32_t> z_symbols(symbols.data.begin(), symbols.data.end());
    const auto hyper = runtime.hyper_synthesise(z_symbols, size);
    const MapSize y_size = {y.size(2), y.size(3)};
    const torch::Tensor made = trainer->h_s->synthesise(z_hat, pass, y_size);
    if (trainer->h_scales.is_empty()) {
      EXPECT_LT(difference(hyper.scales, made.chunk(2, 1)[0]), 1e-4) << "scales";
      EXPECT_LT(difference(hyper.means, made.chunk(2, 1)[1]), 1e-4) << "means";
    } else {
      EXPECT_LT(difference(hyper.means, made), 1e-4) << "means";
      const auto indexes = to_runtime(trainer->h_scales->forward(z_hat, y_size, true));
      ASSERT_EQ(hyper.indexes.size(), indexes.data.size());
      for (size_t i = 0; i < indexes.data.size(); ++i) {
        ASSERT_EQ(static_cast<float>(hyper.indexes[i]), indexes.data[i]) << "scale index " << i;
      }
    }
  }
}

TEST_P(Agreement, Prediction) {
  const torch::NoGradGuard guard;
  const auto [description, height, width] = GetParam();
  auto pair = make_pair(description());
  ThreadPool pool(2);
  nn::Context context(pool, Precision::kF32);
  Predictor predictor(pair.model, context);
  const torch::Tensor below = torch::rand({1, 3, height, width});
  for (const double ratio : {1.0, 1.37, 2.0, 3.1}) {
    const Size size = {width, height};
    const Size target = {static_cast<int>(width * ratio), static_cast<int>(height * ratio)};
    // Enhancement layer 1's, if the rule asks for it.
    const Size first = {target.width + 3, target.height + 1};
    const torch::Tensor expected = pair.system->predict(
        below, {target.height, target.width}, {first.height, first.width}, Prediction::kLiff, at::kFloat);
    const Size token = pair.model->description().scale_token == ScaleToken::kFirst ? first : target;
    ImageView view{Image(size), whole(size)};
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < height; ++y) {
        std::copy_n(below[0][c][y].data_ptr<float>(), width, view.image.row(c, y));
      }
    }
    compass::Tensor predicted(3, target.height, target.width);
    predictor.predict(view, {size, target, token}, whole(target), whole(target), predicted);
    EXPECT_LT(difference(predicted, expected), 1e-4) << "ratio " << ratio;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Sizes, Agreement, testing::ValuesIn([] {
      std::vector<Case> cases;
      for (const auto description : {tiny_description, tiny_paper, tiny_rivals, tiny_pointwise}) {
        for (const auto& [height, width] : {std::pair{64, 64}, {48, 80}, {37, 53}, {9, 70}, {1, 1}}) {
          cases.push_back({description, height, width});
        }
      }
      return cases;
    }()));

// At the table's entries, between them and beyond its ends: as the coder's own rule has it.
TEST(Codec, ScaleIndexesAreTheCoders) {
  std::vector<float> scales = {-1.0F, 0.0F, kSmallestScale, 1e-6F, 255.9F, 256.1F, 1e30F};
  for (const float entry : kScaleTable) {
    for (const float scale :
         {std::nextafter(entry, 0.0F), entry, std::nextafter(entry, 1e9F), 1.02F * entry}) {
      scales.push_back(scale);
    }
  }
  const torch::Tensor indexes = scale_indexes(torch::tensor(scales));
  for (size_t i = 0; i < scales.size(); ++i) {
    EXPECT_EQ(indexes[static_cast<int64_t>(i)].item<int>(), scale_index(scales[i])) << scales[i];
  }
}

// The density that export writes is the one z's tables were made from.
TEST(Export, DensityMakesTheTables) {
  auto pair = make_pair();
  const auto bytes = export_model(*pair.system, {}, {});
  const auto file = Safetensors::parse(bytes);
  ASSERT_TRUE(file) << file.error().message;
  const auto values = [&](const std::string& name) {
    const TensorView* tensor = file->find(name);
    EXPECT_NE(tensor, nullptr) << name;
    return tensor != nullptr ? *tensor->floats() : std::vector<float>();
  };
  for (const std::string codec : {"base", "enhancement"}) {
    compass::FactorisedPrior prior;
    prior.channels = 8;
    prior.quantiles.assign(3 * 8, 0.0F);
    for (int i = 0; i < 5; ++i) {
      const auto part = [&](const char* name) {
        return values(codec + ".z.density." + name + std::to_string(i));
      };
      prior.layers.push_back({i == 0 ? 1 : 3, i == 4 ? 1 : 3, part("matrix"), part("bias"),
                              i == 4 ? std::vector<float>() : part("factor")});
    }
    const auto tables = factorised_tables(prior, ZOrigin::kInteger);
    ASSERT_TRUE(tables) << tables.error().message;
    const auto& stored =
        pair.model->hyper_tables(codec == "base" ? CodecKind::kBase : CodecKind::kEnhancement);
    EXPECT_EQ(tables->ragged_cdf(), stored.ragged_cdf());
    EXPECT_EQ(tables->offsets(), stored.offsets());
  }
}

// A factorised prior's rate is that of the tables it is exported as, of symbols that are not in the tails.
TEST(Export, AFactorisedPriorsTablesCostWhatItSays) {
  const torch::NoGradGuard guard;
  auto pair = make_pair(tiny_rivals());
  const Pass pass{torch::full({1}, 0.7F), {}, at::kFloat, {}};
  const torch::Tensor x = torch::rand({1, 3, 64, 80});
  const CodecOutput coded = pair.system->base(x, pass, Quantisation::kRounding);
  EXPECT_EQ(coded.z_bits.item<double>(), 0.0);
  EXPECT_TRUE(coded.y_hat.equal(at::round(coded.y_hat)));
  const auto y_hat = to_runtime(coded.y_hat);
  const CdfTables& tables = pair.model->latent_tables(CodecKind::kBase);
  ASSERT_EQ(tables.rows(), 1 + y_hat.channels);
  double bits = 0.0;
  for (size_t i = 0; i < y_hat.data.size(); ++i) {
    const int row = 1 + static_cast<int>(i % static_cast<size_t>(y_hat.channels));
    bits += symbol_bits(tables.row(row), static_cast<int32_t>(y_hat.data[i]));
  }
  const double said = coded.y_bits.item<double>();
  EXPECT_NEAR(bits, said, 0.01 * said);
}

class FactoredPrediction : public testing::TestWithParam<Description (*)()> {};

INSTANTIATE_TEST_SUITE_P(Predictors, FactoredPrediction,
                         testing::Values(tiny_description, tiny_rivals, tiny_pointwise));

TEST_P(FactoredPrediction, EqualsPlain) {
  auto pair = make_pair(GetParam()());
  const torch::Tensor below = torch::rand({2, 3, 11, 14});
  for (const MapSize target : {MapSize{11, 14}, MapSize{22, 28}, MapSize{17, 45}}) {
    const MapSize token = {target.height, 50};
    const torch::Tensor a = pair.system->liff->forward(below, target, token, at::kFloat);
    const torch::Tensor b = pair.system->liff->plain(below, target, token);
    EXPECT_LT((a - b).abs().max().item<double>(), 1e-4);
    // Gradients, too: of every weight.
    const torch::Tensor weights = torch::rand_like(a);
    auto parameters = pair.system->liff->parameters();
    const auto from_a = torch::autograd::grad({(a * weights).sum()}, parameters);
    const auto from_b = torch::autograd::grad({(b * weights).sum()}, parameters);
    for (size_t i = 0; i < parameters.size(); ++i) {
      const double scale = from_b[i].abs().max().item<double>() + 1e-6;
      EXPECT_LT((from_a[i] - from_b[i]).abs().max().item<double>() / scale, 1e-3) << i;
    }
  }
}

// The gathers read bf16 maps where they lie, in a wider map too: the same as in float but for the rounding
// of what comes out, at most 2^-8 of the largest value.
TEST(Liff, GathersInBf16AgreeWithFloat) {
  constexpr int64_t kHidden = 20;
  const Nearest y = nearest(NearestRule::kInteger, 7, 12), x = nearest(NearestRule::kInteger, 9, 9);
  const torch::Tensor map = torch::randn({2, 7, 9, 4 * kHidden + 3}).to(at::kBFloat16);
  const torch::Tensor rows = torch::randn({12, kHidden}), columns = torch::randn({9, kHidden});
  const torch::Tensor weights = torch::randn({2, 12, 9, 3});
  const auto run = [&](at::ScalarType type) {
    const std::vector<torch::Tensor> leaves = {map.to(type).requires_grad_(), rows.clone().requires_grad_(),
                                               columns.clone().requires_grad_()};
    const auto parts = leaves[0].split_with_sizes({kHidden, 3 * kHidden + 3}, 3);
    const torch::Tensor hidden = gather_add_relu(parts[0], leaves[1], leaves[2], y, x);
    EXPECT_EQ(hidden.scalar_type(), type);
    const torch::Tensor colours = gather_dot(parts[1], hidden, y, x);
    auto results = torch::autograd::grad({(colours * weights).sum()}, leaves);
    results.push_back(hidden);
    results.push_back(colours);
    return results;
  };
  const auto narrow = run(at::kBFloat16), wide = run(at::kFloat);
  for (size_t i = 0; i < wide.size(); ++i) {
    const double error = (narrow[i].to(at::kFloat) - wide[i]).abs().max().item<double>();
    EXPECT_LE(error, wide[i].abs().max().item<double>() / 128.0) << i;
  }
}

// Values and gradients, in float and, but for its rounding, in bf16.
TEST(Gdn, EqualsItsFormula) {
  const torch::Tensor map = torch::randn({2, 6, 5, 7}), weights = torch::randn({2, 6, 5, 7});
  const torch::Tensor gamma = torch::rand({6, 6}), beta = torch::rand({6}) + 0.5;
  for (const bool inverse : {false, true}) {
    const auto run = [&](auto function, at::ScalarType type) {
      const std::vector<torch::Tensor> leaves = {map.to(type).detach().clone().requires_grad_(),
                                                 gamma.to(type).detach().clone().requires_grad_(),
                                                 beta.to(type).detach().clone().requires_grad_()};
      const torch::Tensor y = function(leaves[0], leaves[1], leaves[2], inverse);
      auto results = torch::autograd::grad({(y * weights.to(type)).sum()}, leaves);
      results.push_back(y);
      return results;
    };
    const auto truth = run(plain_gdn, at::kFloat);
    for (const auto& [type, limit] : {std::pair{at::kFloat, 1e-5}, std::pair{at::kBFloat16, 3e-2}}) {
      // Where oneDNN is told to do without bf16, LibTorch would ask it all the same.
      const bool by_libtorch = type == at::kBFloat16 && std::getenv("ONEDNN_MAX_CPU_ISA") != nullptr;
      at::globalContext().setUserEnabledMkldnn(!by_libtorch);
      const auto results = run(gdn, type);
      at::globalContext().setUserEnabledMkldnn(true);
      for (size_t i = 0; i < truth.size(); ++i) {
        const double error = (results[i].to(at::kFloat) - truth[i]).abs().max().item<double>();
        EXPECT_LE(error, limit * truth[i].abs().max().item<double>()) << inverse << ' ' << type << ' ' << i;
      }
    }
  }
}

// With gradients one product, without them blocks of the band: the same picture.
TEST(Pyramid, BlocksOfTheBandAreTheProduct) {
  for (const auto& [from, to] :
       {std::pair{MapSize{211, 97}, MapSize{70, 97}}, std::pair{MapSize{33, 40}, MapSize{150, 160}},
        std::pair{MapSize{5, 300}, MapSize{1, 299}}}) {
    const torch::Tensor x = torch::rand({2, 3, from.height, from.width});
    const torch::Tensor blocks = resize_bicubic(x, to.height, to.width);
    const torch::Tensor whole = resize_bicubic(x.clone().requires_grad_(), to.height, to.width).detach();
    EXPECT_LT((blocks - whole).abs().max().item<double>(), 1e-5);
  }
}

}  // namespace
}  // namespace compass::train
