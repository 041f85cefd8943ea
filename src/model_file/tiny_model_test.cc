// The committed fixture tests/data/tiny.safetensors: a complete two-codec model with random but sane weights,
// for every test that needs a model and no particular one. This file is its generator; set
// COMPASS_WRITE_FIXTURES=1 to write it anew after a change of the model format.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "model_file/model.h"
#include "model_writer/safetensors_writer.h"

namespace compass {
namespace {

constexpr const char* kDescription = R"({
 "name": "tiny",
 "rules": {"nearest": "integer", "scale_token": "own"},
 "rate_points": [0.0018, 0.0067, 0.025],
 "base": {
  "channels": 3, "latent_channels": 12, "hyper_channels": 8, "quantise": "integer",
  "g_a": [{"op": "unshuffle", "factor": 4},
          {"op": "conv", "in": 48, "out": 8, "kernel": 1, "stride": 1, "act": "relu"},
          {"op": "conv", "in": 8, "out": 8, "kernel": 3, "stride": 2},
          {"op": "res", "channels": 8, "kernel": 3, "act": "leaky_relu"},
          {"op": "conv", "in": 8, "out": 12, "kernel": 1, "stride": 1},
          {"op": "rate_gain", "channels": 12}],
  "g_s": [{"op": "rate_gain", "channels": 12},
          {"op": "subpel", "in": 12, "out": 8, "kernel": 1, "factor": 2},
          {"op": "res", "channels": 8, "kernel": 3, "act": "leaky_relu", "hidden": 4},
          {"op": "subpel", "in": 8, "out": 3, "kernel": 1, "factor": 4}],
  "h_a": [{"op": "conv", "in": 12, "out": 8, "kernel": 3, "stride": 2, "act": "leaky_relu"},
          {"op": "conv", "in": 8, "out": 8, "kernel": 3, "stride": 2}],
  "h_s": [{"op": "subpel", "in": 8, "out": 8, "kernel": 1, "factor": 2, "act": "leaky_relu"},
          {"op": "subpel", "in": 8, "out": 12, "kernel": 1, "factor": 2}],
  "h_scales": [{"op": "int_conv", "in": 8, "out": 4, "kernel": 3, "factor": 2},
               {"op": "int_conv", "in": 4, "out": 12, "kernel": 3, "factor": 2, "limit": 63}],
  "filter": {"directions": 2}
 },
 "enhancement": {
  "channels": 3, "latent_channels": 12, "hyper_channels": 8, "quantise": "integer",
  "g_a": [{"op": "unshuffle", "factor": 4},
          {"op": "conv", "in": 48, "out": 8, "kernel": 1, "stride": 1},
          {"op": "condition", "factor": 4, "in": 3, "out": 8, "kernel": 1},
          {"op": "res", "channels": 8, "kernel": 3, "act": "relu"},
          {"op": "conv", "in": 8, "out": 12, "kernel": 3, "stride": 2},
          {"op": "rate_gain", "channels": 12}],
  "g_s": [{"op": "rate_gain", "channels": 12},
          {"op": "subpel", "in": 12, "out": 8, "kernel": 1, "factor": 2},
          {"op": "condition", "factor": 4, "in": 3, "out": 8, "kernel": 1},
          {"op": "res", "channels": 8, "kernel": 3, "act": "leaky_relu"},
          {"op": "subpel", "in": 8, "out": 3, "kernel": 1, "factor": 4}],
  "h_a": [{"op": "conv", "in": 12, "out": 8, "kernel": 3, "stride": 2, "act": "leaky_relu"},
          {"op": "conv", "in": 8, "out": 8, "kernel": 3, "stride": 2}],
  "h_s": [{"op": "subpel", "in": 8, "out": 8, "kernel": 1, "factor": 2, "act": "leaky_relu"},
          {"op": "subpel", "in": 8, "out": 12, "kernel": 1, "factor": 2}],
  "h_scales": [{"op": "int_conv", "in": 8, "out": 4, "kernel": 3, "factor": 2},
               {"op": "int_conv", "in": 4, "out": 12, "kernel": 3, "factor": 2, "limit": 63}],
  "filter": {"directions": 2}
 },
 "liff": {"g0": 6, "blocks": 1, "convs": 2, "growth": 4, "hidden": [8, 6], "residual": "bicubic"},
 "provenance": {"data": "random numbers", "steps": 0, "hours": 0, "seed": 1, "commit": ""}
})";

// xorshift64*: the same numbers everywhere.
class Random {
 public:
  uint32_t bits() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545F4914F6CDD1DULL) >> 32);
  }
  float uniform(float low, float high) {
    return low + (high - low) * (static_cast<float>(bits() >> 8) / static_cast<float>(1 << 24));
  }
  int integer(int low, int high) {
    return low + static_cast<int>(bits() % static_cast<uint32_t>(high - low + 1));
  }

 private:
  uint64_t state_ = 0x9E3779B97F4A7C15ULL;
};

// The CDF of a Gaussian on -half..half plus an escape slot, every slot with a frequency of at least 1.
std::vector<int32_t> gaussian_row(double sigma, int half) {
  std::vector<int32_t> cdf{0};
  const int symbols = 2 * half + 1;
  const int spare = 65536 - (symbols + 1);  // beyond the 1 each slot has
  for (int i = 0; i < symbols; ++i) {
    const double upper = 0.5 * std::erfc(-((i - half) + 0.5) / (sigma * std::sqrt(2.0)));
    cdf.push_back(i + 1 + static_cast<int32_t>(std::floor(upper * spare * 0.999)));
  }
  cdf.push_back(65536);
  return cdf;
}

class TinyWriter {
 public:
  std::vector<uint8_t> write() {
    const auto description = parse_description(kDescription);
    EXPECT_TRUE(description) << description.error().message;
    if (!description) return {};
    codec("base", description->base, 0.5F, 0.6F);
    codec("enhancement", *description->enhancement, 0.0F, 0.15F);
    liff(*description->liff);
    file_.set_metadata("format", "compass-model");
    file_.set_metadata("version", "1");
    file_.set_metadata("compass", to_json(*description));
    return file_.finish();
  }

 private:
  void floats(const std::string& name, std::vector<int64_t> shape, float low, float high) {
    int64_t count = 1;
    for (const int64_t side : shape) count *= side;
    std::vector<float> values(count);
    for (float& v : values) v = random_.uniform(low, high);
    file_.add_floats(name, std::move(shape), values, DType::kF16);
  }
  // Uniform weights of variance gain^2 / fan_in.
  void conv(const std::string& name, int64_t out, int64_t in, int64_t k, float gain, float bias = 0.0F,
            bool dense = false) {
    const float bound = gain * std::sqrt(3.0F / static_cast<float>(in * k * k));
    floats(name + "weight", dense ? std::vector<int64_t>{out, in} : std::vector<int64_t>{out, in, k, k},
           -bound, bound);
    floats(name + "bias", {out}, bias - 0.1F * gain, bias + 0.1F * gain);
  }
  // The last op's outputs lie around `centre` with a spread of about `spread`.
  void network(const std::string& prefix, const std::vector<nn::Op>& ops, float centre, float spread) {
    for (size_t i = 0; i < ops.size(); ++i) {
      const nn::Op& op = ops[i];
      const std::string place = prefix + "." + std::to_string(i) + ".";
      const bool last = i + 1 == ops.size();
      const int area = op.factor * op.factor;
      switch (op.kind) {
        case nn::OpKind::kConv:
          conv(place, op.out, op.in, op.kernel, last || i + 2 == ops.size() ? spread : 1.4F);
          break;
        case nn::OpKind::kSubpel:
          conv(place, op.out * area, op.in, op.kernel, last ? spread : 1.0F, last ? centre : 0.0F);
          break;
        case nn::OpKind::kCondition:
          conv(place, op.out, op.in * area, op.kernel, 0.7F);
          break;
        case nn::OpKind::kRes:
          conv(place + "conv1.", op.hidden, op.in, op.kernel, 1.0F);
          conv(place + "conv2.", op.out, op.hidden, op.kernel, 0.5F);
          break;
        case nn::OpKind::kRateGain:
          gain(place + "log_gain", op.in, prefix.ends_with("g_a") ? 1.0F : -1.0F);
          break;
        case nn::OpKind::kIntConv:
          integers(place, op, last);
          break;
        case nn::OpKind::kUnshuffle:
          break;
        default:
          FAIL() << "the fixture has no such op";
      }
    }
  }
  // Gains rise with the rate point; the inverse gains fall.
  void gain(const std::string& name, int channels, float sign) {
    std::vector<float> values;
    for (int point = 0; point < 3; ++point) {
      for (int c = 0; c < channels; ++c) {
        values.push_back(sign * (0.7F * static_cast<float>(point - 1)) + random_.uniform(-0.1F, 0.1F));
      }
    }
    file_.add_floats(name, {3, channels}, values, DType::kF16);
  }
  void integers(const std::string& place, const nn::Op& op, bool last) {
    const int64_t out = static_cast<int64_t>(op.out) * op.factor * op.factor;
    std::vector<int32_t> weight(out * op.in * op.kernel * op.kernel);
    for (int32_t& w : weight) w = random_.integer(-100, 100);
    // Inner maps count in 1/16; outputs lie around index 22 (sigma = 1.6), inner ones around 4.
    const int shift = last ? 9 : 3;
    std::vector<int32_t> bias(out);
    for (int32_t& b : bias) b = random_.integer(last ? 18 : 40, last ? 26 : 80) << shift;
    file_.add_integers(place + "weight", {out, op.in, op.kernel, op.kernel}, weight, DType::kI8);
    file_.add_integers(place + "bias", {out}, bias);
    file_.add_integers(place + "shift", {out}, std::vector<int32_t>(out, shift));
  }
  void codec(const std::string& name, const CodecDescription& d, float centre, float spread) {
    network(name + ".g_a", d.g_a, 0.0F, 2.5F);
    network(name + ".g_s", d.g_s, centre, spread);
    network(name + ".h_a", d.h_a, 0.0F, 2.0F);
    network(name + ".h_s", d.h_s, 0.0F, 0.5F);
    network(name + ".h_scales", d.h_scales, 0.0F, 0.0F);
    constexpr int kHalf = 12;
    const std::vector<int32_t> row = gaussian_row(2.5, kHalf);
    std::vector<int32_t> cdf;
    for (int c = 0; c < d.hyper_channels; ++c) cdf.insert(cdf.end(), row.begin(), row.end());
    const auto length = static_cast<int64_t>(row.size());
    file_.add_integers(name + ".z.cdf", {d.hyper_channels, length}, cdf);
    file_.add_integers(name + ".z.length", {d.hyper_channels},
                       std::vector<int32_t>(d.hyper_channels, static_cast<int32_t>(length)));
    file_.add_integers(name + ".z.offset", {d.hyper_channels},
                       std::vector<int32_t>(d.hyper_channels, -kHalf));
    latent_tables(name);
    floats(name + ".filter", {1 + *d.filter, 3, kFilterTaps, kFilterGates}, -0.005F, 0.005F);
  }
  void liff(const LiffDescription& d) {
    conv("liff.sfe1.", d.g0, 3, 3, 1.0F);
    conv("liff.sfe2.", d.g0, d.g0, 3, 1.0F);
    for (int b = 0; b < d.blocks; ++b) {
      const std::string block = "liff.rdb." + std::to_string(b) + ".";
      for (int i = 0; i < d.convs; ++i) {
        conv(block + "conv." + std::to_string(i) + ".", d.growth, d.g0 + i * d.growth, 3, 1.2F);
      }
      conv(block + "fuse.", d.g0, d.g0 + d.convs * d.growth, 1, 0.5F);
    }
    conv("liff.gff1.", d.g0, d.g0 * d.blocks, 1, 1.0F);
    conv("liff.gff2.", d.g0, d.g0, 3, 0.5F);
    int in = 9 * d.g0 + 4;
    for (size_t i = 0; i <= d.hidden.size(); ++i) {
      const bool last = i == d.hidden.size();
      const int out = last ? 27 * d.g0 : d.hidden[i];
      conv("liff.mlp." + std::to_string(i) + ".", out, in, 1, last ? 0.01F : 1.2F, 0.0F, /*dense=*/true);
      in = out;
    }
  }
  void latent_tables(const std::string& codec) {
    std::vector<int32_t> cdf;
    std::vector<int32_t> lengths;
    std::vector<int32_t> offsets;
    for (int i = 0; i < 64; ++i) {
      const double sigma = std::exp(std::log(0.11) + i * (std::log(256.0) - std::log(0.11)) / 63.0);
      const int half = std::min(1 + static_cast<int>(4.0 * sigma), 30);
      std::vector<int32_t> row = gaussian_row(sigma, half);
      lengths.push_back(static_cast<int32_t>(row.size()));
      offsets.push_back(-half);
      row.back() = 0;  // 65536 does not fit in 16 bits
      cdf.insert(cdf.end(), row.begin(), row.end());
    }
    file_.add_integers(codec + ".y.cdf", {static_cast<int64_t>(cdf.size())}, cdf, DType::kU16);
    file_.add_integers(codec + ".y.length", {64}, lengths);
    file_.add_integers(codec + ".y.offset", {64}, offsets);
  }

  SafetensorsWriter file_;
  Random random_;
};

TEST(TinyModel, FixtureIsWhatItsGeneratorWrites) {
  const std::string path = std::string(COMPASS_SOURCE_DIR) + "/tests/data/tiny.safetensors";
  const std::vector<uint8_t> bytes = TinyWriter().write();
  if (std::getenv("COMPASS_WRITE_FIXTURES") != nullptr) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
  std::ifstream in(path, std::ios::binary);
  const std::vector<uint8_t> stored((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  EXPECT_EQ(stored, bytes) << "run with COMPASS_WRITE_FIXTURES=1 and commit " << path;
  EXPECT_LT(bytes.size(), 80'000U);
  const auto model = Model::load(path);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ((*model)->name(), "tiny");
  EXPECT_TRUE((*model)->layered());
  EXPECT_EQ((*model)->latent_tables(CodecKind::kBase).rows(), 64);
  EXPECT_EQ((*model)->hyper_tables(CodecKind::kEnhancement).rows(), 8);
}

}  // namespace
}  // namespace compass
