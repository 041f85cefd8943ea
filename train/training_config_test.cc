// Configurations that people write: what is refused, and what the message says.
#include "training_config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>

namespace compass::train {
namespace {

using nlohmann::json;

json test_config() {
  std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/test.json");
  return json::parse(file);
}

std::string message_of(const std::string& text) {
  const auto config = parse_config(text);
  EXPECT_FALSE(config.ok());
  return config ? std::string() : config.error().message;
}

// Applies `change` to a sound configuration, and expects one line that says `what`.
void expect_refused(const std::string& what, const std::function<void(json&)>& change) {
  json config = test_config();
  change(config);
  const std::string message = message_of(config.dump());
  EXPECT_NE(message.find(what), std::string::npos) << "\"" << message << "\" does not say " << what;
  EXPECT_EQ(message.find('\n'), std::string::npos) << message;
}

TEST(TrainingConfig, EveryConfigurationOfTheProjectIsSound) {
  for (const char* name : {"lite", "lite-hq", "swift", "paper", "test", "pocket-base", "pocket-factorised",
                           "pocket-compass", "pocket-liif", "pocket-mei", "pocket-mei-hyperprior"}) {
    std::ifstream file(std::string(COMPASS_SOURCE_DIR "/train/configs/") + name + ".json");
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto config = parse_config(text);
    ASSERT_TRUE(config) << name << ": " << config.error().message;
    EXPECT_EQ(config->model.name, name);
    EXPECT_FALSE(config->training.stages.empty());
  }
}

// Pocket systems share their base codecs, their steps and their patches.
TEST(TrainingConfig, PocketSystemsAreTrainedAlike) {
  const auto document = [](const std::string& name) {
    std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/pocket-" + name + ".json");
    return json::parse(file);
  };
  const auto steps = [&](const json& config) {
    int sum = 0;
    for (const json& stage : config["training"]["stages"]) {
      sum += stage["steps"].get<int>();
      for (const char* key : {"batch", "optimiser", "rate", "prior_rate", "decay"}) {
        EXPECT_EQ(stage[key], document("base")["training"]["stages"][0][key]) << key;
      }
      EXPECT_FALSE(stage.contains("loop_filter") || stage.contains("search"));
    }
    return sum;
  };
  for (const auto& [name, base] :
       {std::pair{"compass", "base"}, {"liif", "base"}, {"mei-hyperprior", "base"}, {"mei", "factorised"}}) {
    const json config = document(name);
    EXPECT_EQ(config["model"]["base"], document(base)["model"]["base"]) << name;
    EXPECT_EQ(steps(config), steps(document("compass"))) << name;
    for (const json& stage : config["training"]["stages"]) {
      for (const json& part : stage["train"]) EXPECT_NE(part, "base") << name;
    }
  }
  EXPECT_EQ(document("compass")["model"]["enhancement"], document("liif")["model"]["enhancement"]);
}

TEST(TrainingConfig, MeiGoesUponOneLayerAlone) {
  const auto refused = [](const std::string& what, const std::function<void(json&)>& change) {
    std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/pocket-mei.json");
    json config = json::parse(file);
    change(config);
    const std::string message = message_of(config.dump());
    EXPECT_NE(message.find(what), std::string::npos) << message;
  };
  refused("layers: must list 2", [](json& c) { c["mei"]["layers"].erase(1); });
  refused("layers.1.g_s.0: takes 152 channels but gets 151", [](json& c) {
    c["mei"]["layers"][1]["latent_channels"] = 127;
    c["mei"]["layers"][1]["g_a"][6]["out"] = 127;
  });
  refused("predictor", [](json& c) { c["mei"].erase("predictor"); });
  refused("layers.0.h_a: a codec with a factorised prior has none",
          [](json& c) { c["mei"]["layers"][0]["h_a"] = json::array(); });
  refused("unknown here: 'widht'", [](json& c) { c["mei"]["widht"] = 3; });
  refused("training.stages.0.sizes", [](json& c) { c["training"]["stages"][0].erase("sizes"); });
  refused("training.stages.0.patch", [](json& c) { c["training"]["stages"][0]["patch"] = 192; });
  refused("lists 'enhancement'", [](json& c) { c["training"]["stages"][0]["train"] = {"enhancement"}; });
  refused("mei: is trained for one rate point", [](json& c) { c["model"]["rate_points"] = {0.001, 0.01}; });
  refused("mei: takes the place of enhancement and liff", [](json& c) {
    std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/pocket-compass.json");
    const json compass = json::parse(file);
    c["model"] = compass["model"];
  });
  expect_refused("lists 'mei', which the model does not have",
                 [](json& c) { c["training"]["stages"][0]["train"] = {"mei"}; });
  expect_refused("model.base.prior: a factorised prior is trained without search and quantiser", [](json& c) {
    json& base = c["model"]["base"];
    for (const char* key : {"hyper_channels", "h_a", "h_s", "h_scales"}) base.erase(key);
    base["prior"] = "factorised";
    c["training"]["stages"][0]["search"] = 1;
  });
}

TEST(TrainingConfig, HoldsWhatTheFileSays) {
  json document = test_config();
  document["training"]["data"] = "photos";
  document["training"]["eight_bits"] = {"conv1", "h_a"};
  document["training"]["precision"] = "bf16";
  document["training"]["start"] = "linear";
  const auto config = parse_config(document.dump());
  ASSERT_TRUE(config) << config.error().message;
  const TrainingConfig& t = config->training;
  EXPECT_EQ(t.seed, 5U);
  EXPECT_TRUE(t.bf16);
  EXPECT_EQ(t.validation_pictures, 1);
  EXPECT_DOUBLE_EQ(t.average, 0.99);
  EXPECT_DOUBLE_EQ(t.checkpoint_seconds, 1000.0);
  EXPECT_DOUBLE_EQ(t.validate_seconds, 10000.0);
  EXPECT_EQ(t.start, Start::kLinear);
  EXPECT_EQ(t.data, "photos");
  EXPECT_EQ(t.eight_bits, (std::vector<std::string>{"conv1", "h_a"}));
  ASSERT_EQ(t.stages.size(), 1U);
  const Stage& s = t.stages.front();
  EXPECT_EQ(s.name, "joint");
  EXPECT_TRUE(s.trains("base") && s.trains("enhancement") && s.trains("liff"));
  EXPECT_EQ(s.prediction, Prediction::kLiff);
  EXPECT_EQ(s.steps, 6);
  EXPECT_EQ(s.batch, 2);
  EXPECT_EQ(s.base_batch, 2);
  EXPECT_EQ(s.patch, 64);
  EXPECT_EQ(s.liff_every, 2);
  EXPECT_EQ(s.optimiser, OptimiserKind::kMuon);
  EXPECT_DOUBLE_EQ(s.rate, 0.001);
  EXPECT_EQ(s.warmup, 2);
  EXPECT_EQ(s.decay, Decay::kCosine);
}

TEST(TrainingConfig, AbsentFieldsHaveDefaults) {
  json document = test_config();
  document["training"] = {{"stages", {{{"name", "s"}, {"train", {"base"}}, {"steps", 1}}}}};
  const auto config = parse_config(document.dump());
  ASSERT_TRUE(config) << config.error().message;
  const TrainingConfig& t = config->training;
  EXPECT_EQ(t.seed, TrainingConfig().seed);
  EXPECT_EQ(t.counted_patches, TrainingConfig().counted_patches);
  EXPECT_FALSE(t.bf16);
  EXPECT_EQ(t.start, Start::kRandom);
  const Stage& s = t.stages.front();
  EXPECT_EQ(s.batch, Stage().batch);
  EXPECT_EQ(s.patch, Stage().patch);
  EXPECT_DOUBLE_EQ(s.rate, Stage().rate);
  EXPECT_EQ(s.decay, Decay::kConstant);
  EXPECT_EQ(s.optimiser, OptimiserKind::kAdam);
  EXPECT_EQ(s.prediction, Prediction::kBicubic);
  EXPECT_EQ(s.loss, Loss::kRateDistortion);
  EXPECT_EQ(s.crops, Crops::kRandom);
}

TEST(TrainingConfig, MisspeltKeysAreNamedAtEveryLevel) {
  expect_refused("'modl'", [](json& c) { c["modl"] = 1; });
  expect_refused("'Training'", [](json& c) { c["Training"] = c["training"]; });
  expect_refused("training: has a field that is unknown here: 'sed'",
                 [](json& c) { c["training"]["sed"] = 1; });
  expect_refused("training.stages.0: has a field that is unknown here: 'stepz'",
                 [](json& c) { c["training"]["stages"][0]["stepz"] = 1; });
  expect_refused("training.stages.1: has a field that is unknown here: 'wamup'", [](json& c) {
    auto& stages = c["training"]["stages"];
    stages.push_back(stages[0]);
    stages[1]["wamup"] = 1;
  });
  // Required ones: the message shows what is there in their place.
  expect_refused("training.stages.0.steps: is missing; there is", [](json& c) {
    c["training"]["stages"][0].erase("steps");
    c["training"]["stages"][0]["stepz"] = 1;
  });
  expect_refused("'trian'", [](json& c) {
    auto& stage = c["training"]["stages"][0];
    stage["trian"] = stage["train"];
    stage.erase("train");
  });
  expect_refused("training.stages: is missing; there is", [](json& c) { c["training"].erase("stages"); });
  // The model's.
  expect_refused("rules", [](json& c) { c["model"]["rules"]["neerest"] = "integer"; });
  expect_refused("base: has a field that is unknown here: 'qantise'",
                 [](json& c) { c["model"]["base"]["qantise"] = "integer"; });
  expect_refused("enhancement.g_a.1: has a field that is unknown here: 'kernl'",
                 [](json& c) { c["model"]["enhancement"]["g_a"][1]["kernl"] = 3; });
  expect_refused("liff: has a field that is unknown here: 'resdual'",
                 [](json& c) { c["model"]["liff"]["resdual"] = "none"; });
}

TEST(TrainingConfig, TheLastStageAlone) {
  std::ifstream file(COMPASS_SOURCE_DIR "/train/configs/pocket-compass.json");
  const std::string text(std::istreambuf_iterator<char>(file), {});
  auto config = parse_config(text);
  ASSERT_TRUE(config) << config.error().message;
  ASSERT_EQ(config->training.stages.size(), 3U);
  keep_last_stage(config->training, 500);
  ASSERT_EQ(config->training.stages.size(), 1U);
  EXPECT_EQ(config->training.stages.front().name, "joint");
  EXPECT_EQ(config->training.stages.front().steps, 500);
}

TEST(TrainingConfig, WrongTypesAreNamed) {
  expect_refused("model: needs an object", [](json& c) { c["model"] = "lite"; });
  expect_refused("model: needs an object", [](json& c) { c.erase("model"); });
  expect_refused("training", [](json& c) { c["training"] = json::array(); });
  expect_refused("training", [](json& c) { c.erase("training"); });
  for (const char* key : {"seed", "validation_pictures", "counted_patches", "average", "checkpoint_seconds",
                          "validate_seconds", "precision", "start", "data", "eight_bits", "stages"}) {
    for (const json& wrong : {json(true), json(nullptr), json::object(), json("many"), json::array({1})}) {
      if (wrong == json("many") && std::string(key) == "data") continue;
      expect_refused(std::string("training.") + key, [&](json& c) { c["training"][key] = wrong; });
    }
  }
  for (const char* key :
       {"name",        "train",     "prediction", "loss",      "sizes",      "decay",     "optimiser",
        "loop_filter", "quantiser", "steps",      "batch",     "base_batch", "patch",     "liff_every",
        "search",      "warmup",    "max_shrink", "own_scale", "rate",       "gain_rate", "prior_rate"}) {
    for (const json& wrong : {json(true), json(nullptr), json::object(), json::array({1})}) {
      expect_refused(std::string("training.stages.0.") + key,
                     [&](json& c) { c["training"]["stages"][0][key] = wrong; });
    }
  }
  for (const char* key : {"steps", "batch", "base_batch", "patch", "liff_every", "search", "warmup"}) {
    for (const json& wrong : {json(64.5), json("64"), json(-1), json(1e300)}) {
      expect_refused(std::string("training.stages.0.") + key,
                     [&](json& c) { c["training"]["stages"][0][key] = wrong; });
    }
  }
  expect_refused("training.stages.0", [](json& c) { c["training"]["stages"][0] = "joint"; });
  expect_refused("training.stages", [](json& c) { c["training"]["stages"] = json::array(); });
}

TEST(TrainingConfig, ValuesThatMakeNoSenseAreNamed) {
  const auto stage = [](const char* key, const json& value) {
    expect_refused(std::string("training.stages.0.") + key,
                   [&](json& c) { c["training"]["stages"][0][key] = value; });
  };
  stage("steps", 0);
  stage("batch", 0);
  stage("patch", 63);
  stage("patch", 4097);
  stage("liff_every", 0);
  stage("rate", -1e-9);
  stage("rate", 2.0);
  stage("rate", std::nan(""));  // written as null
  stage("max_shrink", 0.5);
  stage("own_scale", 1.5);
  stage("gain_rate", -1.0);
  stage("prior_rate", -1.0);
  stage("shares", {{"graphics", 0.7}, {"maps", 0.4}});
  expect_refused("training.stages.0.shares.graphics", [](json& c) {
    c["training"]["stages"][0]["shares"] = {{"graphics", -0.1}};
  });
  stage("rate_shares", 1.0);
  stage("rate_shares", {1.0});
  stage("rate_shares", {1.0, 0.0});
  stage("rate_shares", {1.0, "1"});
  stage("decay", "sometimes");
  stage("optimiser", "sgd");
  stage("prediction", "nearest");
  stage("loss", "l1");
  stage("sizes", "all");
  expect_refused("training.stages.0.search", [](json& c) {
    c["training"]["stages"][0]["search"] = 2;
    c["training"]["stages"][0]["quantiser"] = "lite.safetensors";
  });
  stage("train", json::array());
  stage("train", {"bass"});
  const auto training = [](const char* key, const json& value) {
    expect_refused(std::string("training.") + key, [&](json& c) { c["training"][key] = value; });
  };
  training("seed", -1);
  training("average", 1.5);
  training("average", -0.1);
  training("validation_pictures", 0);
  training("counted_patches", -1);
  training("checkpoint_seconds", -1.0);
  training("precision", "f16");
  training("start", "warm");
}

TEST(TrainingConfig, WhatIsNotJsonIsRefusedInOneLine) {
  EXPECT_NE(message_of("").find("not JSON"), std::string::npos);
  EXPECT_NE(message_of("[]").find("not a JSON object"), std::string::npos);
  for (const char* value : {"NaN", "1e999", "nan", "+1", "0x10", "'fast'"}) {
    std::string text = test_config().dump();
    const std::string key = "\"rate\":0.001";
    ASSERT_NE(text.find(key), std::string::npos);
    text.replace(text.find(key), key.size(), std::string("\"rate\":") + value);
    const std::string message = message_of(text);
    EXPECT_NE(message.find("not JSON"), std::string::npos) << value << ": " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(TrainingConfig, WhatCannotBeTrainedIsSaidBeforeTheFirstStep) {
  expect_refused("base.g_a.0.op", [](json& c) { c["model"]["base"]["g_a"][0]["op"] = "swish"; });
  expect_refused("base.g_a.2.act: is 'gelu', not one of",
                 [](json& c) { c["model"]["base"]["g_a"][2]["act"] = "gelu"; });
  expect_refused("rules.nearest", [](json& c) { c["model"]["rules"]["nearest"] = "nearest"; });
  expect_refused("base.g_a.0", [](json& c) {
    c["model"]["base"]["g_a"][0] = {{"op", "int_conv"}, {"in", 3}, {"out", 192}};
  });
  expect_refused("model.base.quantise", [](json& c) { c["model"]["base"]["quantise"] = "medians"; });
  expect_refused("model.enhancement.filter", [](json& c) {
    c["model"]["enhancement"]["filter"] = {{"directions", 2}};
  });
  const auto one_layer = [](json& c) {
    c["model"].erase("enhancement");
    c["model"].erase("liff");
  };
  expect_refused("training.stages.0.train: lists 'enhancement', which the model does not have", one_layer);
  expect_refused("training.stages.0.prediction: the model has no LIFF", [&](json& c) {
    one_layer(c);
    c["training"]["stages"][0]["train"] = {"base"};
  });
  expect_refused("training.stages.0.loss", [](json& c) {
    c["training"]["stages"][0]["loss"] = "prediction-l1";
    c["training"]["stages"][0]["train"] = {"base"};
  });
}

}  // namespace
}  // namespace compass::train
