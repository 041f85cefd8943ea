// For tests: a model of Mei et al.'s system with small random weights.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "mei/mei_model.h"
#include "model_writer/random_model.h"
#include "model_writer/safetensors_writer.h"
#include "priors/gaussian_tables.h"

namespace compass::test {

using nlohmann::json;

// A CODEC of the paper's kind, N = 4 and M = 6.
inline json small_mei_codec(bool factorised, int context) {
  constexpr int kN = 4, kM = 6;
  const auto conv = [](int in, int out, int kernel = 5, int stride = 2) {
    return json{{"op", "conv"}, {"in", in}, {"out", out}, {"kernel", kernel}, {"stride", stride}};
  };
  const auto deconv = [](int in, int out) { return json{{"op", "deconv"}, {"in", in}, {"out", out}}; };
  const json gdn{{"op", "gdn"}, {"channels", kN}}, igdn{{"op", "igdn"}, {"channels", kN}};
  json codec{{"latent_channels", kM}, {"quantise", "integer"}};
  codec["g_a"] = {conv(3, kN), gdn, conv(kN, kN), gdn, conv(kN, kN), gdn, conv(kN, kM)};
  codec["g_s"] = {deconv(context + kM, kN), igdn, deconv(kN, kN), igdn, deconv(kN, kN), igdn, deconv(kN, 3)};
  if (factorised) {
    codec["prior"] = "factorised";
    return codec;
  }
  codec["hyper_channels"] = kN;
  codec["h_a"] = {conv(kM, kN, 3, 1), conv(kN, kN), conv(kN, kN)};
  codec["h_s"] = {deconv(kN, kM), deconv(kM, kM), conv(kM, 2 * kM, 3, 1)};
  return codec;
}

inline json small_mei_layers(bool factorised) {
  constexpr int kContext = 5;
  return {{"predictor", 4},
          {"context", kContext},
          {"layers", {small_mei_codec(factorised, kContext), small_mei_codec(factorised, kContext)}}};
}

inline json small_mei_base(bool factorised) {
  return {{"name", "small-mei"},
          {"rules", {{"nearest", "integer"}, {"scale_token", "own"}}},
          {"rate_points", {0.0067}},
          {"base", small_mei_codec(factorised, 0)}};
}

class SmallMei {
 public:
  static std::vector<uint8_t> write(bool factorised) {
    const json layers = small_mei_layers(factorised), base = small_mei_base(factorised);
    const auto description = parse_description(base.dump());
    EXPECT_TRUE(description) << description.error().message;
    const auto mei = parse_mei(layers.dump(), description->base);
    EXPECT_TRUE(mei) << mei.error().message;
    SmallMei writer;
    writer.codec("base", description->base);
    for (size_t k = 0; k < mei->layers.size(); ++k) {
      const std::string prefix = mei_layer_prefix(k + 1);
      writer.codec(prefix, mei->layers[k].codec);
      for (const auto& [name, ops] : mei->layers[k].prediction.networks()) {
        writer.network(prefix + "." + name, *ops);
      }
    }
    writer.file_.set_metadata("format", std::string(kMeiFormat));
    writer.file_.set_metadata("version", "1");
    writer.file_.set_metadata("compass", base.dump());
    writer.file_.set_metadata("mei", layers.dump());
    return writer.file_.finish();
  }

 private:
  void network(const std::string& prefix, const std::vector<nn::Op>& ops) {
    for (size_t i = 0; i < ops.size(); ++i) {
      const nn::Op& op = ops[i];
      const nn::OpWeights w = random_weights(op, 1, generator_);
      const std::string place = fmt::format("{}.{}.", prefix, i);
      const int64_t k = op.kernel;
      if (op.kind == nn::OpKind::kGdn || op.kind == nn::OpKind::kIgdn) {
        file_.add_floats(place + "beta", {op.in}, w.beta);
        file_.add_floats(place + "gamma", {op.in, op.in}, w.gamma);
        continue;
      }
      const bool transposed = op.kind == nn::OpKind::kDeconv;
      file_.add_floats(place + "weight", {transposed ? op.in : op.out, transposed ? op.out : op.in, k, k},
                       w.weight.floats());
      file_.add_floats(place + "bias", {op.out}, w.bias);
    }
  }
  // Rows of three symbols and an escape.
  void channel_tables(const std::string& prefix, int64_t channels) {
    std::vector<int32_t> cdf;
    for (int64_t c = 0; c < channels; ++c) cdf.insert(cdf.end(), {0, 16384, 49152, 65000, 65536});
    file_.add_integers(prefix + ".cdf", {channels, 5}, cdf);
    file_.add_integers(prefix + ".length", {channels}, std::vector<int32_t>(channels, 5));
    file_.add_integers(prefix + ".offset", {channels}, std::vector<int32_t>(channels, -1));
  }
  void codec(const std::string& prefix, const CodecDescription& d) {
    network(prefix + ".g_a", d.g_a);
    network(prefix + ".g_s", d.g_s);
    if (d.factorised()) {
      channel_tables(prefix + ".y", d.latent_channels);
      return;
    }
    network(prefix + ".h_a", d.h_a);
    network(prefix + ".h_s", d.h_s);
    channel_tables(prefix + ".z", d.hyper_channels);
    const CdfTables rows = gaussian_tables();
    const auto cdf = rows.ragged_cdf();
    file_.add_integers(prefix + ".y.cdf", {static_cast<int64_t>(cdf.size())}, cdf);
    file_.add_integers(prefix + ".y.length", {kScales}, rows.lengths());
    file_.add_integers(prefix + ".y.offset", {kScales}, rows.offsets());
  }

  SafetensorsWriter file_;
  std::mt19937 generator_{3};
};

inline std::shared_ptr<const MeiModel> small_mei(bool factorised) {
  auto model = MeiModel::parse(SmallMei::write(factorised));
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}

}  // namespace compass::test
