// Training runs: exact resumption, data, estimates against real bytes.
#include "trainer.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "linear_start.h"
#include "model_file/safetensors.h"
#include "model_writer/safetensors_writer.h"
#include "narrow.h"
#include "optimiser.h"
#include "plot.h"
#include "priors/gaussian_tables.h"
#include "widen.h"

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

  using Change = std::function<void(nlohmann::json& config)>;

  static nlohmann::json test_config(int steps, const Change& change = {}) {
    std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/test.json");
    auto config = nlohmann::json::parse(file);
    config["training"]["stages"][0]["steps"] = steps;
    if (change) change(config);
    return config;
  }
  static Description test_model(const Change& change = {}) { return parsed(test_config(1, change)).model; }
  static Config parsed(const nlohmann::json& config) {
    const auto result = parse_config(config.dump());
    EXPECT_TRUE(result) << result.error().message;
    return result ? *result : Config();
  }

  RunOptions options(const std::string& out, int steps, const Change& change = {}) const {
    RunOptions o;
    o.config = parsed(test_config(steps, change));
    o.data = folder_ / "data";
    o.out = folder_ / out;
    o.threads = 2;
    return o;
  }

  // The weights in a run's checkpoint.
  std::vector<Tensor> weights(const std::string& out) const {
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
  const auto a = weights("whole"), b = weights("parts");
  ASSERT_EQ(a.size(), b.size());
  ASSERT_GT(a.size(), 20U);
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(at::equal(a[i], b[i])) << i;
}

// Two processes with one worker each, over Gloo, against one process with both workers and twice the batch:
// the same pictures, the same noise, the same gradients, so the same weights.
TEST_F(TrainerTest, TwoProcessesDoWhatOneDoesWithTwiceTheBatch) {
  Trainer(options("together", 3, [](auto& c) { c["training"]["stages"][0]["batch"] = 4; })).run();

  const std::string config = folder_ / "apart.json";
  std::ofstream(config) << test_config(3, [](auto& c) {
    c["training"]["stages"][0]["batch"] = 2;
    c["training"]["stages"][0]["base_batch"] = 1;
  });
  const int port = 20000 + ::getpid() % 20000;
  std::string command =
      "export OMP_NUM_THREADS=1 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=" + std::to_string(port) +
      "; ";
  const std::string run = std::string(COMPASS_TRAIN_PROGRAM) + " --threads 1 --config " + config +
                          " --data " + (folder_ / "data").string() + " --out " +
                          (folder_ / "apart").string() + " > /dev/null";
  command += "RANK=1 " + run + " & RANK=0 " + run + " && wait $!";
  ASSERT_EQ(std::system(command.c_str()), 0);

  const auto a = weights("together"), b = weights("apart");
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    // Half-sums of the same numbers: equal but for the order in which norms are taken.
    EXPECT_LE((a[i] - b[i]).abs().max().item<double>(), 1e-6 * a[i].abs().max().item<double>() + 1e-9) << i;
  }
}

// The rate points lie on a curve close to what the best linear transform of 16 of 768 components allows.
TEST_F(TrainerTest, ALinearStartReconstructs) {
  System system(test_model([](auto& c) { c["model"]["rate_points"] = {0.0018, 1000.0}; }));
  std::mt19937_64 random(5);
  std::vector<Picture> pictures;
  // Smooth pictures: planes and slow waves, which a few components hold.
  for (int i = 0; i < 3; ++i) {
    const Tensor y = torch::arange(320).view({1, -1, 1}) / 320.0,
                 x = torch::arange(320).view({1, 1, -1}) / 320.0;
    const Tensor phase = torch::arange(3).view({-1, 1, 1}) * 0.4 + i;
    const Tensor wave = 0.5 + 0.4 * at::sin(3.0 * y + (2.0 + i) * x + phase);
    pictures.push_back({"p", "", (wave * 255.0).round().to(at::kByte)});
  }
  const auto error = [&] {
    const torch::NoGradGuard guard;
    const Tensor picture = random_patches(pictures, 2, {64}, random);
    const Pass fine{torch::ones({2}), {}, at::kFloat, {}};  // lambda 1000: next to no quantisation
    const auto out = system->base(picture, fine, Quantisation::kRounding);
    return at::square(out.x_hat - picture).mean().item<double>();
  };
  const double before = error();
  start_linear(system, pictures, random);
  const double after = error();
  EXPECT_LT(after, 1e-4);
  EXPECT_LT(after, before / 100.0);
}

// The test model with another number of latents in its base codec, and nothing else.
Description with_latents(nlohmann::json model, int latents) {
  auto& base = model["base"];
  base["latent_channels"] = latents;
  bool at_latents = false;
  for (auto& layer : base["g_a"]) {
    if (at_latents) {
      for (const char* key : {"in", "out", "channels"})
        if (layer.contains(key)) layer[key] = latents;
      if (layer["op"] == "res") layer["hidden"] = 16;
    } else if (layer.value("stride", 1) == 2) {
      layer["out"] = latents;
      at_latents = true;
    }
  }
  for (auto& layer : base["g_s"]) {
    if (layer["op"] == "subpel") {
      layer["in"] = latents;
      break;
    }
    for (const char* key : {"in", "out", "channels"})
      if (layer.contains(key)) layer[key] = latents;
    if (layer["op"] == "res") layer["hidden"] = 16;
  }
  base["h_a"][0]["in"] = base["h_s"].back()["out"] = base["h_scales"].back()["out"] = latents;
  model.erase("enhancement");
  model.erase("liff");
  const auto description = parse_description(model.dump());
  EXPECT_TRUE(description) << description.error().message;
  return *description;
}

Result<Safetensors> weights_file(const System& system) {
  SafetensorsWriter writer;
  for (const auto& item : system->named_parameters()) {
    const Tensor value = item.value().detach().contiguous();
    writer.add_floats(item.key(), value.sizes().vec(),
                      {value.data_ptr<float>(), static_cast<size_t>(value.numel())});
  }
  return Safetensors::parse(writer.finish());
}

void disturb_gains(System& system) {
  const torch::NoGradGuard guard;
  for (auto& item : system->named_parameters()) {
    if (item.key().ends_with(".log_gain")) item.value().add_(0.1 * torch::randn(item.value().sizes()));
  }
}

TEST_F(TrainerTest, MoreLatentsBeginWithWhatTheOldOnesMiss) {
  const auto model = test_config(1)["model"];
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> frequency(-0.3, 0.3);  // radians per pixel
  std::vector<Picture> pictures;
  for (int i = 0; i < 3; ++i) {
    const Tensor y = torch::arange(256).view({1, -1, 1}), x = torch::arange(256).view({1, 1, -1});
    Tensor waves = torch::full({3, 256, 256}, 0.5);
    for (int k = 0; k < 12; ++k) {
      const Tensor phase = torch::arange(3).view({-1, 1, 1}) * 0.2 + k;
      waves = waves + 0.04 * at::sin(frequency(random) * y + frequency(random) * x + phase);
    }
    pictures.push_back({"p", "", (waves * 255.0).round().to(at::kByte)});
  }
  System narrow(with_latents(model, 6)), wide(with_latents(model, 14));
  start_linear(narrow, pictures, random);
  const auto file = weights_file(narrow);
  ASSERT_TRUE(file.ok());

  const Tensor picture = random_patches(pictures, 4, {64}, random);
  const auto run = [&](System& system) -> Tensor {
    const torch::NoGradGuard guard;
    const Pass pass{torch::full({4}, 2.0), {}, at::kFloat, {}};
    return system->base(picture, pass, Quantisation::kRounding).x_hat;
  };
  const Tensor old = run(narrow);
  const KnownLatents known = copy_weights(wide, *file, "narrow");
  EXPECT_EQ(known.base, 6);
  EXPECT_LT((run(wide) - old).abs().max().item<float>(), 1e-4F);  // the same codec, with room
  widen(wide, known, pictures, {4, 16, 64}, random);
  const auto error = [&](const Tensor& made) { return at::square(made - picture).mean().item<double>(); };
  EXPECT_LT(error(run(wide)), 0.8 * error(old));
}

// More rate points than the file has: the old ones do what they did, the new ones continue them.
TEST_F(TrainerTest, GainsGoOnAtNewRatePoints) {
  torch::manual_seed(3);
  const torch::NoGradGuard guard;
  System old(test_model());
  const auto points = old->rate_points;
  const auto count = static_cast<int64_t>(points.size());
  ASSERT_GE(count, 2);
  disturb_gains(old);
  const auto file = weights_file(old);
  ASSERT_TRUE(file.ok());
  // As far beyond the last point as that is from the one before it.
  System more(test_model([&](auto& c) {
    c["model"]["rate_points"].push_back(points.back() * points.back() / points[points.size() - 2]);
  }));
  copy_weights(more, *file, "fewer rates");
  size_t gains = 0;
  for (const auto& item : more->named_parameters()) {
    const Tensor before = old->named_parameters()[item.key()];
    if (!item.key().ends_with(".log_gain")) {
      EXPECT_TRUE(at::equal(item.value(), before)) << item.key();
      continue;
    }
    ++gains;
    EXPECT_TRUE(at::equal(item.value().slice(0, 0, count), before)) << item.key();
    const Tensor expected = 2.0 * before[count - 1] - before[count - 2];
    EXPECT_LT((item.value()[count] - expected).abs().max().item<float>(), 1e-5F) << item.key();
  }
  EXPECT_EQ(gains, 4U);
}

// Narrower synthesis and more rate points at once: what the file has of gains is lengthened before narrowing.
TEST_F(TrainerTest, NarrowingKnowsOfNewRatePoints) {
  torch::manual_seed(6);
  System old(test_model());
  const auto file = weights_file(old);
  ASSERT_TRUE(file.ok());
  System thin(test_model([](auto& c) {
    c["model"]["rate_points"].push_back(0.02);
    bool inside = false;
    for (auto& op : c["model"]["base"]["g_s"]) {
      if (inside && op.contains("in")) op["in"] = 8;
      if (op["op"] == "res" && inside) op["channels"] = 8;
      if (op["op"] == "subpel" && !inside) {
        op["out"] = 8;
        inside = true;
      }
    }
  }));
  copy_weights(thin, *file, "wide");
  const Tensor before = thin->named_parameters()["base.g_s.4.conv.weight"].clone();
  std::mt19937_64 random(2);
  const std::vector<Picture> pictures{{"p", "", torch::randint(0, 256, {3, 256, 256}, at::kByte)}};
  ASSERT_NO_THROW(narrow(thin, *file, pictures, {2, 4, 64}, random));
  EXPECT_FALSE(at::equal(thin->named_parameters()["base.g_s.4.conv.weight"], before));
  EXPECT_EQ(thin->named_parameters()["base.g_s.0.log_gain"].size(0), 4);
}

// More latents and more rate points at once: gains of the old latents go on, those of the new ones are 1
// until they are initialised.
TEST_F(TrainerTest, GainsGoOnBesideNewLatents) {
  torch::manual_seed(5);
  const torch::NoGradGuard guard;
  auto model = test_config(1)["model"];
  System old(with_latents(model, 6));
  disturb_gains(old);
  const auto file = weights_file(old);
  ASSERT_TRUE(file.ok());
  const std::vector<double> points = old->rate_points;
  model["rate_points"].push_back(points[2] * points[2] / points[1]);
  System wide(with_latents(model, 14));
  EXPECT_EQ(copy_weights(wide, *file, "narrow").base, 6);
  size_t gains = 0;
  for (const auto& item : wide->named_parameters()) {
    if (!item.key().ends_with(".log_gain")) continue;
    ++gains;
    const Tensor before = old->named_parameters()[item.key()], now = item.value();
    EXPECT_TRUE(at::equal(now.slice(0, 0, 3).slice(1, 0, 6), before)) << item.key();
    const Tensor expected = 2.0 * before[2] - before[1];
    EXPECT_LT((now[3].slice(0, 0, 6) - expected).abs().max().item<float>(), 1e-5F) << item.key();
    EXPECT_EQ(now.slice(1, 6).abs().max().item<float>(), 0.0F) << item.key();
  }
  EXPECT_EQ(gains, 2U);
}

// With a dependent quantiser decoders see levels of its trellis, rates are what its tables say, and gradients
// pass.
TEST_F(TrainerTest, LatentsGoThroughATrellis) {
  torch::manual_seed(4);
  const std::string path = COMPASS_SOURCE_DIR "/tests/data/tiny_trellis.safetensors";
  const auto model = Model::load(path);
  ASSERT_TRUE(model) << model.error().message;
  const auto quantisers = LayerQuantisers::of_model(path, (*model)->description());
  const int64_t channels = (*model)->description().base.latent_channels;
  const Tensor rate = torch::tensor({0.0F, 1.0F, 2.0F});
  const Tensor indexes = torch::randint(0, 40, {3, channels, 37, 5}, at::kByte);
  const Tensor centred = torch::randn({3, channels, 37, 5}) * (indexes > 0) * 2.0;
  const auto made = quantisers.base->quantise(centred, indexes, rate);
  for (int64_t b = 0; b < 3; ++b) {
    const float step = (*model)->trellis_step(CodecKind::kBase, rate[b].item<float>());
    const Tensor levels = made.values[b] / step;
    EXPECT_LT((levels - at::round(levels)).abs().max().item<float>(), 1e-3F) << b;
    EXPECT_LT((made.values[b] - centred[b]).abs().max().item<float>(), 4 * step) << b;
    EXPECT_GT(made.bits[b].item<float>(), 0.0F);
  }
  EXPECT_GT(made.bits[2].item<float>(), made.bits[0].item<float>());  // coarser where the rate is low

  System system((*model)->description());
  system->base->quantiser = quantisers.base;
  system->enhancement->quantiser = quantisers.enhancement;
  const std::vector<Tensor> layers = {torch::rand({3, 3, 16, 16}), torch::rand({3, 3, 64, 64})};
  for (const auto quantisation : {Quantisation::kTraining, Quantisation::kRounding}) {
    const Pass pass{rate, {}, at::kFloat, at::detail::createCPUGenerator(5)};
    const auto outputs = system->forward(layers, pass, Prediction::kBicubic, quantisation);
    const auto gradients = torch::autograd::grad(
        {outputs[1].mse.sum()}, system->enhancement->g_a->parameters(), {}, {}, false, /*allow_unused=*/true);
    double sum = 0.0;
    for (const Tensor& g : gradients) sum += g.defined() ? g.abs().sum().item<double>() : 0.0;
    EXPECT_GT(sum, 0.0);
    EXPECT_TRUE(at::isfinite(outputs[1].bpp).all().item<bool>());
  }
  EXPECT_THROW(
      LayerQuantisers::of_model(COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors", (*model)->description()),
      c10::Error);
  EXPECT_THROW(LayerQuantisers::of_model(path, test_model()), c10::Error);  // other numbers of latents
}

// Gradients of the enhancement codec that come from the layer above are `between_layers` times those of the
// loss itself, and nothing else changes.
TEST_F(TrainerTest, GradientsBetweenLayersAreScaled) {
  torch::manual_seed(3);
  System system(test_model());
  const std::vector<Tensor> layers = {torch::rand({1, 3, 16, 16}), torch::rand({1, 3, 32, 32}),
                                      torch::rand({1, 3, 64, 64})};
  const auto gradients = [&](double between_layers) {
    auto generator = at::detail::createCPUGenerator(5);
    const Pass pass{torch::full({1}, 1.0), {}, at::kFloat, generator};
    const auto outputs =
        system->forward(layers, pass, Prediction::kLiff, Quantisation::kTraining, between_layers);
    return torch::autograd::grad({outputs[1].mse.sum() + outputs[2].mse.sum()},
                                 system->enhancement->g_s->parameters());
  };
  const auto none = gradients(0.0), once = gradients(1.0), thrice = gradients(3.0);
  double largest = 0.0;
  for (size_t i = 0; i < none.size(); ++i) {
    const Tensor passed = once[i] - none[i];
    largest = std::max(largest, passed.abs().max().item<double>());
    EXPECT_LT((thrice[i] - none[i] - 3.0 * passed).abs().max().item<double>(),
              1e-4 * once[i].abs().max().item<double>() + 1e-9)
        << i;
  }
  EXPECT_GT(largest, 0.0);
}

// Where the model's rule says so, every layer's scale token is of enhancement layer 1's size.
TEST_F(TrainerTest, TheScaleTokenFollowsTheRule) {
  const torch::NoGradGuard guard;
  const std::vector<Tensor> layers = {torch::rand({1, 3, 16, 16}), torch::rand({1, 3, 32, 32}),
                                      torch::rand({1, 3, 64, 64})};
  for (const std::string rule : {"own", "first"}) {
    torch::manual_seed(3);
    System system(test_model([&](auto& c) { c["model"]["rules"]["scale_token"] = rule; }));
    for (auto& p : system->liff->parameters()) p.add_(0.1 * torch::randn(p.sizes()));
    const auto outputs = system->forward(layers, {torch::full({1}, 1.0), {}, at::kFloat, {}},
                                         Prediction::kLiff, Quantisation::kRounding);
    const auto predicted = [&](MapSize token) {
      return system->predict(outputs[1].reconstruction, {64, 64}, token, Prediction::kLiff, at::kFloat);
    };
    EXPECT_TRUE(at::equal(outputs[2].prediction, predicted({32, 32}))) << rule;
    EXPECT_EQ(at::allclose(predicted({32, 32}), predicted({64, 64})), rule == "own");
  }
}

// A name in `eight_bits` that matches no weights would go unnoticed: they would be stored in 16 bits.
TEST_F(TrainerTest, ModulesThatAreNotThereAreNamed) {
  EXPECT_NO_THROW(Trainer(options("known", 1, [](auto& c) {
    c["training"]["eight_bits"] = {"conv1", "h_a"};
  })));
  for (const char* module : {"convv1", "h_scales", ""}) {
    const auto o = options("unknown", 1, [&](auto& c) {
      c["training"]["eight_bits"] = nlohmann::json::array({"conv1", module});
    });
    try {
      Trainer trainer(o);
      ADD_FAILURE() << module;
    } catch (const c10::Error& e) {
      EXPECT_NE(std::string(e.what()).find("training.eight_bits"), std::string::npos) << e.what();
    }
  }
}

// As a user runs it: a bad configuration is one line, before anything is made.
TEST_F(TrainerTest, ABadConfigurationIsOneLineAndNoRun) {
  const std::string config = folder_ / "bad.json", errors = folder_ / "errors.txt";
  std::ofstream(config) << test_config(1, [](auto& c) { c["training"]["stages"][0]["stepz"] = 3; });
  const std::string command = std::string(COMPASS_TRAIN_PROGRAM) + " --config " + config + " --data " +
                              (folder_ / "data").string() + " --out " + (folder_ / "bad").string() + " 2> " +
                              errors;
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 2);
  std::ifstream file(errors);
  std::string line, more;
  std::getline(file, line);
  EXPECT_EQ(line, "compass-train: " + config +
                      ": configuration: training.stages.0: has a field that is unknown here: 'stepz'");
  EXPECT_FALSE(std::getline(file, more)) << more;
  EXPECT_FALSE(fs::exists(folder_ / "bad"));
}

// A stage's loop filter mends every layer, and what is mended is what the next one is predicted from.
TEST_F(TrainerTest, LayersAreSeenThroughTheLoopFilter) {
  torch::manual_seed(3);
  System system(test_model());
  const std::vector<Tensor> layers = {torch::rand({1, 3, 32, 32}), torch::rand({1, 3, 64, 64})};
  const auto outputs = [&] {
    return system->forward(layers, {torch::full({1}, 1.0), {}, at::kFloat, {}}, Prediction::kBicubic,
                           Quantisation::kRounding);
  };
  const auto plain = outputs();
  Tensor sets = 0.02 * torch::randn({3, 3, 44, 9});
  sets[0].zero_();
  system->filters.base = system->filters.enhancement = LoopFilter(sets);
  const auto filtered = outputs();
  EXPECT_TRUE(at::equal(filtered[0].bpp, plain[0].bpp));
  EXPECT_LT(filtered[0].mse.item<double>(), plain[0].mse.item<double>());
  EXPECT_FALSE(at::allclose(filtered[1].prediction, plain[1].prediction));
}

// Searched symbols cost less, bits and error together, through the loop filter or not, and remain symbols.
TEST_F(TrainerTest, SearchedSymbolsCostLess) {
  torch::manual_seed(3);
  System system(test_model());
  const std::vector<Tensor> layers = {torch::rand({2, 3, 32, 32}), torch::rand({2, 3, 64, 64})};
  const Tensor rate = torch::tensor({0.0, 1.0});
  const auto outputs = [&](int64_t rounds) {
    auto generator = at::detail::createCPUGenerator(5);
    system->search_rounds = rounds;
    const torch::NoGradGuard guard;  // a search finds gradients for itself
    return system->forward(layers, {rate, {}, at::kFloat, generator}, Prediction::kBicubic,
                           Quantisation::kRounding);
  };
  // The search's own aim: an error counts 1.25 times.
  const auto cost = [&](const LayerOutput& out) {
    return (out.bpp + 1.25 * 255.0 * 255.0 * system->lambda(rate) * out.mse).sum().item<double>();
  };
  Tensor unfiltered;
  for (const bool filtered : {false, true}) {
    SCOPED_TRACE(filtered);
    if (filtered) {
      // One that changes little: the search takes its derivative to be 1.
      const Tensor weights = 0.005 * torch::randn({1, 3, 44, 9});
      system->filters.base = system->filters.enhancement = LoopFilter(weights);
    }
    const auto rounded = outputs(0), once = outputs(1), twice = outputs(2);
    EXPECT_LT(cost(once[0]), cost(rounded[0]));
    EXPECT_LT(cost(twice[0]), cost(rounded[0]));
    EXPECT_LT(cost(twice[1]), cost(rounded[1]));
    const Tensor moves = twice[0].symbols - rounded[0].symbols;
    EXPECT_TRUE(at::equal(moves, at::round(moves)));
    EXPECT_LE(moves.abs().max().item<float>(), 2.0F);
    EXPECT_GT(moves.abs().max().item<float>(), 0.0F);
    // The first round looks at g_s's picture, the second one at the filter's.
    if (filtered) EXPECT_FALSE(at::equal(twice[0].symbols, unfiltered));
    unfiltered = twice[0].symbols;
  }
}

// At once, even if its stage comes last.
TEST_F(TrainerTest, AMissingLoopFilterIsNamed) {
  auto o = options("unfiltered", 1);
  const std::string path = folder_ / "weights.safetensors";
  Trainer(o).save_weights(path);
  auto& stages = o.config.training.stages;
  stages.push_back(stages.front());
  stages.back().loop_filter = path;
  try {
    Trainer trainer(o);
    ADD_FAILURE() << "weights alone have no filter";
  } catch (const c10::Error& e) {
    EXPECT_NE(std::string(e.what()).find(path + ": no tensor 'base.filter'"), std::string::npos) << e.what();
  }
}

// An exported model's y tables fit the symbols of the training pictures, in both codecs.
TEST_F(TrainerTest, ExportedTablesAreFitted) {
  const auto o = options("exported", 2, [](auto& c) { c["training"]["counted_patches"] = 16; });
  Trainer(o).run();
  Trainer(o).export_to(folder_ / "model.safetensors");
  const auto file = Safetensors::load(folder_ / "model.safetensors");
  ASSERT_TRUE(file.ok());
  const CdfTables gaussian = gaussian_tables();
  const auto stored = gaussian.ragged_cdf();
  for (const std::string codec : {"base", "enhancement"}) {
    const auto cdf = file->find(codec + ".y.cdf")->integers();
    ASSERT_TRUE(cdf.ok());
    ASSERT_EQ(cdf->size(), stored.size());
    size_t differ = 0;
    for (size_t i = 0; i < stored.size(); ++i) differ += (*cdf)[i] != (stored[i] & 0xFFFF) ? 1 : 0;
    EXPECT_GT(differ, 10U) << codec;
    EXPECT_LT(differ, stored.size() / 2) << codec;  // most rows were never used: Gaussians
  }
}

TEST_F(TrainerTest, StagesAreScheduled) {
  const auto stage = [](const char* text) {
    return parsed(test_config(1, [&](auto& c) { c["training"]["stages"][0] = nlohmann::json::parse(text); }))
        .training.stages.front();
  };
  const Stage s =
      stage(R"({"name":"a","train":["liff"],"steps":300,"rate":1.0,"warmup":10,"decay":"halve3"})");
  EXPECT_DOUBLE_EQ(s.rate_at(0), 0.1);
  EXPECT_DOUBLE_EQ(s.rate_at(99), 1.0);
  EXPECT_DOUBLE_EQ(s.rate_at(100), 0.5);
  EXPECT_DOUBLE_EQ(s.rate_at(299), 0.25);
  EXPECT_FALSE(s.base_only());
  const Tensor turns = torch::tensor({0.0, 0.25, 0.5, 0.75, 0.9});
  EXPECT_TRUE(at::allclose(s.rate_place(turns, 3), 2.0 * turns));
  Stage low = s;
  low.rate_shares = {3.0, 1.0};  // three in four are below the middle rate point
  EXPECT_TRUE(at::allclose(low.rate_place(turns, 3), torch::tensor({0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0, 1.6})));
  EXPECT_DOUBLE_EQ(s.between_layers_at(1), 1.0);
  const Stage rare = stage(R"({"name":"r","train":["enhancement","liff"],"steps":9,"liff_every":3})");
  EXPECT_TRUE(rare.trains_liff_at(3));
  EXPECT_FALSE(rare.trains_liff_at(4));
  EXPECT_DOUBLE_EQ(rare.between_layers_at(3), 3.0);
  EXPECT_DOUBLE_EQ(rare.between_layers_at(4), 0.0);
  const Stage without = stage(R"({"name":"w","train":["enhancement"],"steps":9,"liff_every":3})");
  EXPECT_DOUBLE_EQ(without.between_layers_at(4), 1.0);
  EXPECT_TRUE(stage(R"({"name":"b","train":["base"],"steps":1})").base_only());
}

// Muon's step is what its iteration makes of the gradient, step by step in doubles, also where some singular
// values are a millionth of others, tall or wide. None comes out larger than 1.2 (they go to .7 to 1.2).
TEST(Optimiser, MuonStepsAsItsIterationDoes) {
  torch::manual_seed(3);
  for (const auto& [out, in, rank] : {std::tuple{48, 32, 48}, {64, 64, 20}, {600, 32, 288}}) {
    const Tensor start = torch::randn({out, in, 3, 3}) * 0.1;
    const Tensor gradient = (at::matmul(torch::randn({out, rank}), torch::randn({rank, in * 9})) +
                             1e-6 * torch::randn({out, in * 9}))
                                .view({out, in, 3, 3});
    Tensor kernel = start.clone().requires_grad_(true);
    kernel.mutable_grad() = gradient.clone();
    Optimiser::Options options;
    options.muon = true;
    Optimiser({{"g_a.0.conv.weight", kernel}}, options).step(1.0);
    const Tensor made = (start - kernel.detach()).flatten(1).to(at::kDouble);

    Tensor x = gradient.flatten(1).to(at::kDouble);
    x = x / x.norm();
    for (int i = 0; i < 5; ++i) {
      const Tensor a = at::matmul(x, x.t());
      x = 3.4445 * x + at::matmul(-4.7750 * a + 2.0315 * at::matmul(a, a), x);
    }
    const double size = 0.2 * std::sqrt(std::max(out, in * 9));
    EXPECT_LT((made - size * x).norm().item<double>(), 1e-3 * size * x.norm().item<double>())
        << out << "x" << in * 9;
    EXPECT_LT(at::linalg_svdvals(made).max().item<double>(), 1.25 * size);
  }
}

TEST(Optimiser, GainVectorsAndPriorsHaveRatesOfTheirOwn) {
  const Tensor gains = torch::zeros({3, 8}).requires_grad_(true),
               bias = torch::zeros({8}).requires_grad_(true), prior = torch::zeros({4}).requires_grad_(true);
  gains.mutable_grad() = torch::ones({3, 8});
  prior.mutable_grad() = torch::ones({4});
  bias.mutable_grad() = torch::ones({8});
  Optimiser::Options options;
  options.gain_rate = 10.0;
  options.prior_rate = 20.0;
  Optimiser({{"base.g_a.7.log_gain", gains},
             {"base.g_a.6.conv.bias", bias},
             {"base.entropy_bottleneck._bias0", prior}},
            options)
      .step(1e-3);
  // Adam's first step is the rate.
  EXPECT_NEAR(bias.mean().item<double>(), -1e-3, 1e-6);
  EXPECT_NEAR(gains.mean().item<double>(), -1e-2, 1e-5);
  EXPECT_NEAR(prior.mean().item<double>(), -2e-2, 1e-5);
}

// The check value of CRC-32C (RFC 3720, appendix B.4: 32 zero bytes) and of "123456789".
TEST(EventFile, ChecksumIsCrc32c) {
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283U);
}

TEST_F(TrainerTest, ARunLogsAndDrawsItself) {
  auto o = options("logged", 3);
  Trainer(o).run();
  const auto lines = [&](const std::string& name) {
    std::ifstream file(folder_ / "logged" / name);
    int count = 0;
    for (std::string line; std::getline(file, line);) ++count;
    return count;
  };
  EXPECT_EQ(lines("log.csv"), 2);         // heading, the stage's only entry
  EXPECT_EQ(lines("validation.csv"), 4);  // heading, three rate points
  const std::string svg = plot_run(folder_ / "logged");
  EXPECT_NE(svg.find("Held-back pictures"), std::string::npos);
  EXPECT_THROW(plot_run(folder_ / "nowhere"), c10::Error);
  int events = 0;
  for (const auto& entry : fs::directory_iterator(folder_ / "logged")) {
    if (entry.path().filename().string().rfind("events.out.tfevents.", 0) != 0) continue;
    ++events;
    EXPECT_GT(fs::file_size(entry.path()), 500U);
  }
  EXPECT_EQ(events, 1);
}

TEST_F(TrainerTest, BrokenPicturesAreNamed) {
  std::ofstream(folder_ / "data" / "broken.ppm") << "P6 100 100 255\nshort";
  try {
    load_dataset(folder_ / "data", 1);
    FAIL() << "read a picture that ends early";
  } catch (const c10::Error& e) {
    EXPECT_NE(std::string(e.what()).find("broken.ppm: not an 8-bit binary PPM (P6): ends early"),
              std::string::npos);
  }
}

TEST_F(TrainerTest, WhatIsHeldBackStaysWhenPicturesAreAdded) {
  const auto write = [&](const std::string& name) {
    fs::create_directories((folder_ / "data" / name).parent_path());
    std::ofstream(folder_ / "data" / name, std::ios::binary) << "P6 1 1 255\nabc";
  };
  for (int i = 0; i < 20; ++i) write("plots/" + std::to_string(i) + ".ppm");
  const auto held_back = [&] {
    std::set<std::string> names;
    for (const Picture& p : load_dataset(folder_ / "data", 2).validation) names.insert(p.kind + "/" + p.name);
    return names;
  };
  const std::set<std::string> before = held_back();
  EXPECT_EQ(before.size(), 4U);  // two of each kind
  EXPECT_EQ(
      std::count_if(before.begin(), before.end(), [](const auto& n) { return n.rfind("plots/", 0) == 0; }),
      2);
  for (int i = 20; i < 30; ++i) write("plots/" + std::to_string(i) + ".ppm");
  for (const std::string& name : held_back()) {
    const bool added = name.rfind("plots/2", 0) == 0 && name.size() == 8;
    EXPECT_TRUE(added || before.contains(name)) << name;
  }
  write("maps/only.ppm");
  EXPECT_THROW(load_dataset(folder_ / "data", 2), c10::Error);  // no more than are held back
}

TEST(Patches, KindsAndOwnScaleHaveTheirShares) {
  // Kinds are told by their levels, and what is shrunk by its stripes, which become grey.
  const auto picture = [](const std::string& kind, int level) {
    Tensor pixels = torch::full({3, 64, 64}, level, torch::kUInt8);
    pixels.slice(1, 0, 64, 2) += 50;
    pixels.slice(2, 0, 64, 2) += 50;
    return Picture{kind, kind, pixels};
  };
  const std::vector<Picture> pictures{picture("", 0), picture("plots", 100)};
  std::mt19937_64 random(5);
  const Tensor patches = random_patches(pictures, 400, {16, 4.0, 0.5, {{"plots", 0.25}}}, random);
  const Tensor middle = patches.mean({1, 2, 3}) * 255;
  EXPECT_NEAR((middle > 100).sum().item<double>(), 100, 30);
  const Tensor sharp = (patches.amax({1, 2, 3}) - patches.amin({1, 2, 3})) * 255 > 95;
  EXPECT_NEAR(sharp.sum().item<double>(), 200, 40);
  EXPECT_THROW(random_patches(pictures, 1, {16, 4.0, 0.0, {{"maps", 0.25}}}, random), c10::Error);
}

TEST_F(TrainerTest, PatchesHaveTheSizeAskedForAndStayInRange) {
  const auto dataset = load_dataset(folder_ / "data", 1);
  EXPECT_EQ(dataset.train.size(), 2U);
  std::mt19937_64 random(3);
  for (const int64_t size : {16, 64, 200}) {
    const auto patches = random_patches(dataset.train, 4, {size, 3.0}, random);
    EXPECT_EQ(patches.sizes(), (std::vector<int64_t>{4, 3, size, size}));
    EXPECT_GE(patches.min().item<float>(), 0.0F);
    EXPECT_LE(patches.max().item<float>(), 1.0F);
  }
}

}  // namespace
}  // namespace compass::train
