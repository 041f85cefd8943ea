// The paper's recipe from end to end: every stage of train/configs/paper.json, its networks and losses, for
// two steps each on patches of 64, and a picture through the model that comes out.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "codec/decoder.h"
#include "codec/encoder.h"
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

TEST_F(RecipeTest, AllStagesOfThePaperEndInAModelThatCodes) {
  std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/paper.json");
  auto config = nlohmann::json::parse(file);
  auto& training = config["training"];
  training["validation_pictures"] = 1;
  training["counted_patches"] = 2;
  ASSERT_EQ(training["stages"].size(), 4U);
  for (auto& stage : training["stages"]) {
    EXPECT_EQ(stage["crops"], "grid");
    stage["steps"] = 2;
    stage["batch"] = 2;
    stage["patch"] = 64;
  }
  auto parsed = parse_config(config.dump());
  ASSERT_TRUE(parsed) << parsed.error().message;

  RunOptions options;
  options.config = *std::move(parsed);
  options.data = folder_ / "data";
  options.out = folder_ / "run";
  Trainer trainer(options);
  trainer.run();
  const std::string path = folder_ / "paper.safetensors";
  trainer.export_to(path);

  const auto model = Model::load(path);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE((*model)->layered());
  const Image picture = waves({70, 53});
  Encoder encoder(*model);
  const auto encoded = encoder.encode(
      picture, {.sizes = {{18, 14}, {35, 27}, {70, 53}}, .measure = true, .keep_reconstructions = true});
  ASSERT_TRUE(encoded) << encoded.error().message;
  MemorySource source(encoded->bytes);
  const auto decoded = Decoder(*model).decode(source);
  ASSERT_TRUE(decoded) << decoded.error().message;
  EXPECT_TRUE(decoded->damage.empty());
  // Eight steps teach nothing: what counts is that the decoder shows what the encoder said it would.
  EXPECT_GT(psnr(decoded->image, encoded->reconstructions.back()), 80.0);
}

}  // namespace
}  // namespace compass::train
