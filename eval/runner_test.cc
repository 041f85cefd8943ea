#include "eval/runner.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <filesystem>

#include "eval/cache.h"
#include "eval/picture_file.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

// Drops low bits: "setting" is how many. Counts its runs; fails where told.
class FakeCodec : public EvaluatedCodec {
 public:
  explicit FakeCodec(StreamKind kind, std::string version = "1")
      : kind_(kind), version_(std::move(version)) {}
  std::string name() const override { return kind_ == StreamKind::kPicture ? "files" : "layers"; }
  StreamKind kind() const override { return kind_; }
  std::string version() const override { return version_; }
  std::string how() const override { return "drop {} bits"; }
  std::vector<std::string> settings() const override { return {"6", "5", "4", "3"}; }
  Result<Coded> run(const std::vector<Picture>& originals, const std::string& setting,
                    const std::string&) const override {
    ++runs;
    if (setting == fail_at) return Error{ErrorCode::kFailure, "made to fail"};
    const int bits = std::stoi(setting);
    Coded coded;
    uint64_t bytes = 10;
    for (const Picture& original : originals) {
      Picture decoded = original;
      for (uint8_t& v : decoded.rgb) v = static_cast<uint8_t>(v >> bits << bits);
      bytes += original.rgb.size() * (8 - bits) / 8;
      coded.layers.push_back({bytes, std::move(decoded), 0.001});
    }
    coded.encode_seconds = 0.002;
    return coded;
  }
  mutable std::atomic<int> runs{0};
  std::string fail_at;

 private:
  StreamKind kind_;
  std::string version_;
};

class RunnerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const char* name : {"a.ppm", "b.ppm"}) {
      Picture p({40, 24});
      for (size_t i = 0; i < p.rgb.size(); ++i) p.rgb[i] = static_cast<uint8_t>(i * i / 9 + name[0]);
      ASSERT_TRUE(write_ppm(p, workspace_.file(name)));
      settings_.images.push_back(workspace_.file(name));
    }
    settings_.contestants = {{files_, true, true}, {layers_, true, true}};
    settings_.grid.layouts = {{"half", {0.5, 1}}, {"whole", {1}}};
    settings_.files = {.read = read_ppm, .write = write_ppm};
    settings_.cache = workspace_.file("cache");
    settings_.jobs = 2;
  }
  int runs() const { return files_->runs + layers_->runs; }

  Workspace workspace_ = std::move(*Workspace::create());
  std::shared_ptr<FakeCodec> files_ = std::make_shared<FakeCodec>(StreamKind::kPicture);
  std::shared_ptr<FakeCodec> layers_ = std::make_shared<FakeCodec>(StreamKind::kScalable);
  RunSettings settings_;
};

TEST_F(RunnerTest, RowsOfEveryScheme) {
  const Result<Results> results = run(settings_);
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_TRUE(results->failures.empty());
  // files: 2 pictures x 4 settings x 2 schemes x (2 + 1) layers; layers: 2 x 4 x (2 + 1).
  EXPECT_EQ(results->rows.size(), 48U + 24U);
  // The whole picture is one job for both layouts: 2 x 4 x 2 sizes, and 2 x 4 x 2 layouts.
  EXPECT_EQ(files_->runs, 16);
  EXPECT_EQ(layers_->runs, 16);
  const auto row = [&](const std::string& codec, const std::string& scheme, int layer) {
    for (const Row& r : results->rows) {
      if (r.image == "a.ppm" && r.codec == codec && r.scheme == scheme && r.setting == "4" &&
          r.layout == "half" && r.layer == layer) {
        return r;
      }
    }
    return Row{};
  };
  const uint64_t small = 20 * 12 * 3 / 2;
  const uint64_t large = 40 * 24 * 3 / 2;
  EXPECT_EQ(row("files", kSingle, 1).bytes_total, large + 10);
  EXPECT_EQ(row("files", kSimulcast, 1).bytes_total, small + large + 20);
  EXPECT_EQ(row("files", kSimulcast, 1).bytes, large + 10);
  EXPECT_DOUBLE_EQ(row("files", kSimulcast, 1).encode_seconds, 0.004);
  EXPECT_EQ(row("layers", kOneStream, 0).bytes_total, small + 10);
  EXPECT_EQ(row("layers", kOneStream, 1).bytes_total, small + large + 10);
  EXPECT_EQ(row("layers", kOneStream, 1).bytes, large);
  EXPECT_EQ(row("layers", kOneStream, 1).psnr, row("files", kSingle, 1).psnr);
  EXPECT_GT(row("layers", kOneStream, 1).psnr, 20);
  EXPECT_FALSE(row("layers", kOneStream, 1).ms_ssim.has_value());  // too small for it
}

TEST_F(RunnerTest, SameRowsWhateverTheJobs) {
  const std::string two = to_csv(*run(settings_));
  settings_.jobs = 1;
  settings_.cache = workspace_.file("other");
  EXPECT_EQ(to_csv(*run(settings_)), two);
}

TEST_F(RunnerTest, ResumesFromTheCache) {
  int asked = 0;
  settings_.jobs = 1;
  settings_.stop = [&] { return ++asked > 5; };
  const Result<Results> stopped = run(settings_);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(runs(), 5);
  settings_.stop = nullptr;
  RunProgress last;
  settings_.progress = [&](const RunProgress& p) { last = p; };
  ASSERT_TRUE(run(settings_));
  EXPECT_EQ(runs(), 32);  // not 37
  EXPECT_EQ(last.cached, 5);
  EXPECT_EQ(last.done, 32);
  EXPECT_EQ(last.total, 32);
  EXPECT_NEAR(last.seconds_left, 0, 1e-9);
  ASSERT_TRUE(run(settings_));
  EXPECT_EQ(runs(), 32);
}

TEST_F(RunnerTest, ANewVersionOrPictureIsMeasuredAgain) {
  ASSERT_TRUE(run(settings_));
  const auto newer = std::make_shared<FakeCodec>(StreamKind::kPicture, "2");
  settings_.contestants[0].codec = newer;
  ASSERT_TRUE(run(settings_));
  EXPECT_EQ(newer->runs, 16);
  EXPECT_EQ(layers_->runs, 16);
  Picture other({40, 24});
  ASSERT_TRUE(write_ppm(other, settings_.images[0]));
  ASSERT_TRUE(run(settings_));
  EXPECT_EQ(newer->runs, 24);
}

TEST_F(RunnerTest, FailuresCostTheirOwnRowsAndAreListed) {
  layers_->fail_at = "5";
  settings_.images.push_back(workspace_.file("missing.ppm"));
  ASSERT_TRUE(write_file(workspace_.file("broken.ppm"), std::string("P6\n9 9\n")));
  settings_.images.push_back(workspace_.file("broken.ppm"));
  const Result<Results> results = run(settings_);
  ASSERT_TRUE(results);
  EXPECT_EQ(results->failures.size(), 2U + 4U);  // two pictures; one setting x 2 pictures x 2 layouts
  EXPECT_EQ(results->failures.back().why, "made to fail");
  EXPECT_EQ(results->rows.size(), 48U + 18U);
  const int before = runs();
  ASSERT_TRUE(run(settings_));
  EXPECT_EQ(runs(), before + 4);  // failures are tried again, the rest is not
}

TEST_F(RunnerTest, RefusesToRunOnNothing) {
  settings_.images = {workspace_.file("missing.ppm")};
  EXPECT_FALSE(run(settings_));
  settings_.images.clear();
  EXPECT_FALSE(run(settings_));
}

TEST_F(RunnerTest, KeepsCropsOfSamples) {
  settings_.samples = {"a.ppm"};
  ASSERT_TRUE(run(settings_));
  const Picture a = *read_ppm(settings_.images[0]);
  const std::string path = crop_path(settings_, a, *layers_, "4", {{20, 12}, {40, 24}});
  const Result<Picture> crop = read_ppm(path);  // the test's writer writes PPM whatever the name
  ASSERT_TRUE(crop) << crop.error().message;
  EXPECT_EQ(crop->size, (Size{40, 24}));
  const int before = runs();
  std::filesystem::remove(path);
  ASSERT_TRUE(run(settings_));
  EXPECT_EQ(runs(), before + 1);  // a lost crop is made again
}

// What programs say of pictures is part of what measurements, and so crops, are kept under.
TEST_F(RunnerTest, KeepsCropsBesidePerceptualScores) {
  settings_.samples = {"a.ppm"};
  settings_.perceptual = true;
  ASSERT_TRUE(run(settings_));
  const Picture a = *read_ppm(settings_.images[0]);
  EXPECT_TRUE(read_ppm(crop_path(settings_, a, *layers_, "4", {{20, 12}, {40, 24}})));
}

TEST(Cache, DamagedEntriesCountAsAbsent) {
  const Workspace w = std::move(*Workspace::create());
  const Cache cache = *Cache::open(w.file("c"));
  Measurement m;
  m.layers = {{100, HUGE_VAL, 0.5, 0.1, {}}, {200, 30.5, std::nullopt, 0.2, {}}};
  m.layers[1].seen.ssimulacra = 0.03;
  m.encode_seconds = 1.5;
  cache.store("key", m);
  const std::optional<Measurement> back = cache.find("key", 2);
  ASSERT_TRUE(back);
  EXPECT_TRUE(std::isinf(back->layers[0].psnr));
  EXPECT_EQ(*back->layers[0].ms_ssim, 0.5);
  EXPECT_FALSE(back->layers[1].ms_ssim);
  EXPECT_EQ(back->layers[1].bytes, 200U);
  EXPECT_EQ(back->layers[1].seen.ssimulacra, 0.03);
  EXPECT_FALSE(back->layers[0].seen.ssimulacra);
  EXPECT_FALSE(cache.find("key", 3));
  EXPECT_FALSE(cache.find("other", 2));
  for (const char* text : {"", "{", "{}", "[1]", R"({"key":"key"})", R"({"key":"key","layers":[{}]})"}) {
    ASSERT_TRUE(write_file(cache.path("key", ".json"), std::string(text)));
    EXPECT_FALSE(cache.find("key", 2)) << text;
  }
  EXPECT_FALSE(Cache::open("/proc/nowhere"));
}

}  // namespace
}  // namespace compass::eval
