// Recipes from end to end: every stage of train/configs/paper.json and of the pocket systems, their networks
// and losses, for two steps each on small patches, and a picture through the model that comes out.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "eval/mei/mei_system.h"
#include "image/psnr.h"
#include "trainer.h"

namespace compass::train {
namespace {

namespace fs = std::filesystem;

class RecipeTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("compass_recipe_test_" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "data");
    for (int i = 0; i < 3; ++i) {
      std::ofstream file(folder_ / "data" / ("p" + std::to_string(i) + ".ppm"), std::ios::binary);
      file << "P6\n140 132\n255\n";
      for (int p = 0; p < 140 * 132 * 3; ++p) file.put(static_cast<char>((p * (7 + i) / 5) & 0xFF));
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  // All stages of a configuration in short; returns the model that comes out.
  std::string train(const std::string& name, int patch) {
    std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/" + name + ".json");
    auto config = nlohmann::json::parse(file);
    auto& training = config["training"];
    training["validation_pictures"] = 1;
    training["counted_patches"] = 2;
    for (auto& stage : training["stages"]) {
      stage["steps"] = 2;
      stage["batch"] = 2;
      stage["patch"] = patch;
    }
    auto parsed = parse_config(config.dump());
    EXPECT_TRUE(parsed) << parsed.error().message;
    RunOptions options;
    options.config = *std::move(parsed);
    options.data = folder_ / "data";
    options.out = folder_ / name;
    Trainer trainer(options);
    trainer.run();
    const std::string path = folder_ / (name + ".safetensors");
    trainer.export_to(path);
    return path;
  }

  fs::path folder_;
};

Image waves(Size size) {
  Image image(size);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        image.row(c, y)[x] = static_cast<float>(0.5 + 0.4 * std::sin(0.2 * x + 0.1 * y + c));
      }
    }
  }
  return image;
}

// A picture through a model, in layers if it has them.
void expect_to_code(const std::string& path, bool layered) {
  const auto loaded = Model::load(path);
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto& model = *loaded;
  EXPECT_EQ(model->layered(), layered);
  std::vector<Size> sizes{{70, 53}};
  if (layered) sizes = {{18, 14}, {35, 27}, {70, 53}};
  const Image picture = waves({70, 53});
  Encoder encoder(model);
  const auto encoded =
      encoder.encode(picture, {.sizes = sizes, .measure = true, .keep_reconstructions = true});
  ASSERT_TRUE(encoded) << encoded.error().message;
  MemorySource source(encoded->bytes);
  const auto decoded = Decoder(model).decode(source);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_TRUE(decoded->damage.empty());
  // Eight steps teach nothing: what counts is that the decoder shows what the encoder said it would.
  EXPECT_GT(psnr(decoded->image, encoded->reconstructions.back()), 80.0);
}

TEST_F(RecipeTest, AllStagesOfThePaperEndInAModelThatCodes) {
  std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/paper.json");
  const auto stages = nlohmann::json::parse(file)["training"]["stages"];
  EXPECT_EQ(stages.size(), 4U);
  for (const auto& stage : stages) EXPECT_EQ(stage["crops"], "grid");
  expect_to_code(train("paper", 64), true);
}

TEST_F(RecipeTest, PocketSystemsOfDescriptionsEndInModelsThatCode) {
  expect_to_code(train("pocket-base", 64), false);
  expect_to_code(train("pocket-factorised", 64), false);
  expect_to_code(train("pocket-compass", 64), true);
  expect_to_code(train("pocket-liif", 64), true);
}

TEST_F(RecipeTest, PocketSystemsOfMeiEndInModelsThatCode) {
  for (const char* name : {"pocket-mei", "pocket-mei-hyperprior"}) {
    const auto model = MeiModel::load(train(name, 128));
    ASSERT_TRUE(model) << model.error().message;
    eval::MeiSystem system(*model, 2, Precision::kF32);
    std::vector<eval::Picture> originals;
    for (const Size size : {Size{18, 13}, {35, 27}, {70, 53}}) {
      eval::Picture& picture = originals.emplace_back(size);
      to_rgb8(waves(size), picture.rgb);
    }
    const auto bytes = system.encode(originals);
    ASSERT_TRUE(bytes) << bytes.error().message;
    const auto decoded = system.decode(*bytes, 2);
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(decoded->size, originals.back().size);
  }
}

}  // namespace
}  // namespace compass::train
