// Training runs: exact resumption, data, estimates against real bytes.
#include "trainer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace compass::train {
namespace {

namespace fs = std::filesystem;

// A folder with a few small pictures, and a configuration that trains on them.
class TrainerTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("compass_train_test_" + std::to_string(::getpid()));
    fs::create_directories(folder_ / "data");
    for (int i = 0; i < 3; ++i) {
      std::ofstream file(folder_ / "data" / ("p" + std::to_string(i) + ".ppm"), std::ios::binary);
      file << "P6\n# a comment\n" << 80 + 16 * i << " 96\n255\n";
      for (int p = 0; p < (80 + 16 * i) * 96 * 3; ++p) file.put(static_cast<char>((p * (7 + i) / 5) & 0xFF));
    }
  }
  void TearDown() override { fs::remove_all(folder_); }

  RunOptions options(const std::string& out, int steps) const {
    std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/test.json");
    RunOptions o;
    o.config = nlohmann::json::parse(file);
    o.config["training"]["stages"][0]["steps"] = steps;
    o.data = folder_ / "data";
    o.out = folder_ / out;
    o.threads = 2;
    return o;
  }

  std::string checkpoint(const std::string& out) const {
    std::ifstream file(folder_ / out / "last.ckpt", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
};

TEST_F(TrainerTest, ResumingIsExact) {
  auto whole = options("whole", 6);
  Trainer(whole).run();
  auto parts = options("parts", 6);
  parts.max_steps = 4;
  Trainer(parts).run();
  parts.max_steps = 0;
  Trainer(parts).run();
  const auto weights = [&](const std::string& out) {
    torch::serialize::InputArchive archive;
    archive.load_from((folder_ / out / "last.ckpt").string());
    std::vector<Tensor> all;
    for (const auto& key : archive.keys()) {
      if (key.rfind("weight.", 0) != 0) continue;
      Tensor value;
      archive.read(key, value);
      all.push_back(value);
    }
    return all;
  };
  const auto a = weights("whole"), b = weights("parts");
  ASSERT_EQ(a.size(), b.size());
  ASSERT_GT(a.size(), 20U);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << i;
}

TEST_F(TrainerTest, BrokenPicturesAreNamed) {
  std::ofstream(folder_ / "data" / "broken.ppm") << "P6 100 100 255\nshort";
  try {
    load_dataset(folder_ / "data", 1);
    FAIL() << "read a picture that ends early";
  } catch (const c10::Error& e) {
    EXPECT_NE(std::string(e.what()).find("broken.ppm: ends early"), std::string::npos);
  }
}

TEST_F(TrainerTest, PatchesHaveTheSizeAskedForAndStayInRange) {
  const auto dataset = load_dataset(folder_ / "data", 1);
  EXPECT_EQ(dataset.train.size(), 2U);
  std::mt19937_64 random(3);
  for (const int64_t size : {16, 64, 200}) {
    const auto patches = random_patches(dataset.train, 4, size, 3.0, random);
    EXPECT_EQ(patches.sizes(), (std::vector<int64_t>{4, 3, size, size}));
    EXPECT_GE(patches.min().item<float>(), 0.0F);
    EXPECT_LE(patches.max().item<float>(), 1.0F);
  }
}

}  // namespace
}  // namespace compass::train
