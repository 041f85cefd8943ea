// Mei et al.'s layers in the trainer and in the evaluation are the same: the pictures that decoding gives are
// the ones that the trainer sees, and the bytes are the bits that it counts.
#include "mei.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "eval/mei/mei_system.h"
#include "export.h"
#include "training_config.h"

namespace compass::train {
namespace {

// Fresh weights as the file stores them, with something of everything.
System random_system(const Config& config) {
  torch::manual_seed(3);
  System system(config.model, config.mei);
  const torch::NoGradGuard guard;
  for (auto& item : system->named_parameters()) {
    auto& value = item.value();
    if (value.dim() == 1) value.add_(torch::rand(value.sizes()) * 0.05);
    if (value.dim() > 1) value.copy_(value.to(at::kHalf).to(at::kFloat));
  }
  return system;
}

torch::Tensor to_tensor(const eval::Picture& picture) {
  const auto bytes = torch::from_blob(const_cast<uint8_t*>(picture.rgb.data()),
                                      {picture.size.height, picture.size.width, 3}, at::kByte);
  return bytes.to(at::kFloat).div(255.0).permute({2, 0, 1}).unsqueeze(0).contiguous();
}

class MeiAgreement : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Configurations, MeiAgreement, testing::Values("pocket-mei", "pocket-mei-hyperprior"),
                         [](const auto& info) {
                           return std::string(info.param) == "pocket-mei" ? "Original" : "Enhanced";
                         });

TEST_P(MeiAgreement, BytesGiveWhatTheTrainerSees) {
  std::ifstream file(std::string(COMPASS_SOURCE_DIR "/train/configs/") + GetParam() + ".json");
  const auto config = parse_config(std::string(std::istreambuf_iterator<char>(file), {}));
  ASSERT_TRUE(config) << config.error().message;
  System system = random_system(*config);
  auto model = MeiModel::parse(export_model(*system, {}, {}));
  ASSERT_TRUE(model) << model.error().message;

  std::vector<eval::Picture> originals;
  std::vector<torch::Tensor> layers;
  for (const int width : {64, 128, 256}) {
    eval::Picture& picture = originals.emplace_back(Size{width, width / 2});
    for (size_t i = 0; i < picture.rgb.size(); ++i) {
      picture.rgb[i] = static_cast<uint8_t>(128 + 90 * std::sin(0.03 * static_cast<double>(i)) + i % 13);
    }
    layers.push_back(to_tensor(picture));
  }
  const torch::NoGradGuard guard;
  const Pass pass{torch::zeros({1}), {}, at::kFloat, {}};
  const auto seen = system->forward(layers, pass, Prediction::kBicubic, Quantisation::kRounding);

  eval::MeiSystem codec(*model, 2, Precision::kF32);
  const auto bytes = codec.encode(originals);
  ASSERT_TRUE(bytes) << bytes.error().message;
  const auto ends = *eval::MeiSystem::layer_ends(*bytes);
  const bool layer_is_factorised = (*model)->mei.layers.front().codec.factorised();
  uint64_t begin = 28;
  for (size_t k = 0; k < layers.size(); ++k) {
    const auto picture = codec.decode(*bytes, k);
    ASSERT_TRUE(picture) << picture.error().message;
    const torch::Tensor difference =
        (to_tensor(*picture) - seen[k].reconstruction.clamp(0.0, 1.0)).abs() * 255.0;
    EXPECT_LT(difference.max().item<double>(), 0.6) << "layer " << k;  // rounding to whole numbers is 0.5
    const double said = seen[k].bpp.item<double>() * static_cast<double>(originals[k].size.pixels()) / 8.0;
    const auto is = static_cast<double>(ends[k] - begin);
    // A hyperprior's tables of y are made from counts, of which there are none here.
    if (layer_is_factorised) EXPECT_NEAR(is, said, 0.02 * said + 6.0) << "layer " << k;
    begin = ends[k];
  }
}

TEST(Mei, TheBaseCodecLearnsNothingFromItsLayers) {
  std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/pocket-mei.json");
  const auto config = parse_config(std::string(std::istreambuf_iterator<char>(file), {}));
  ASSERT_TRUE(config);
  System system(config->model, config->mei);
  const std::vector<torch::Tensor> layers{torch::rand({1, 3, 32, 32}), torch::rand({1, 3, 64, 64}),
                                          torch::rand({1, 3, 128, 128})};
  const Pass pass{torch::zeros({1}), {}, at::kFloat, at::detail::createCPUGenerator()};
  const auto outputs = system->forward(layers, pass, Prediction::kBicubic, Quantisation::kTraining);
  ASSERT_EQ(outputs.size(), 3U);
  torch::Tensor loss = torch::zeros({});
  for (size_t k = 1; k < outputs.size(); ++k) loss = loss + outputs[k].bpp.mean() + outputs[k].mse.mean();
  loss.backward();
  for (const auto& item : system->named_parameters()) {
    const bool base = item.key().rfind("base.", 0) == 0;
    // Nothing is predicted from the topmost context but its own picture; every weight of the layers learns.
    EXPECT_EQ(item.value().grad().defined(), !base) << item.key();
  }
}

}  // namespace
}  // namespace compass::train
