// For tests only: golden tensors, and the tiny networks that made them as a model of ours. Those of case
// "small" come with the project (tests/golden/make_golden.py made them); the reference implementation's are
// in the shared folder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "model_file/model.h"
#include "model_file/safetensors.h"
#include "model_writer/safetensors_writer.h"
#include "priors/gaussian_tables.h"

namespace compass {

inline std::string golden_path(const std::string& name) {
  if (name == "small.safetensors") {
    return std::string(COMPASS_SOURCE_DIR) + "/tests/data/golden_small.safetensors";
  }
  const char* root = std::getenv("COMPASS_SHARED");
  return (root != nullptr ? std::string(root) : std::string(COMPASS_SOURCE_DIR) + "/../shared") + "/golden/" +
         name;
}

// One golden file. Accessors fail the test and return something empty if a tensor is not there.
class Golden {
 public:
  static std::optional<Golden> open(const std::string& name) {
    if (!std::filesystem::exists(golden_path(name))) return {};
    auto file = Safetensors::load(golden_path(name));
    if (!file) return {};
    return Golden(std::move(*file));
  }
  bool has(const std::string& name) const { return file_.find(name) != nullptr; }
  std::vector<int64_t> shape(const std::string& name) const {
    return has(name) ? file_.find(name)->shape : std::vector<int64_t>{};
  }
  std::vector<float> floats(const std::string& name) const {
    const TensorView* view = file_.find(name);
    EXPECT_NE(view, nullptr) << name;
    if (view == nullptr) return {};
    auto values = view->floats();
    EXPECT_TRUE(values) << name;
    return values ? *values : std::vector<float>{};
  }
  std::vector<int32_t> integers(const std::string& name) const {
    const TensorView* view = file_.find(name);
    EXPECT_NE(view, nullptr) << name;
    if (view == nullptr) return {};
    auto values = view->integers();
    EXPECT_TRUE(values) << name;
    return values ? *values : std::vector<int32_t>{};
  }
  // A [1,C,H,W] tensor, to channels last.
  Tensor tensor(const std::string& name) const {
    const auto s = shape(name);
    EXPECT_EQ(s.size(), 4U) << name;
    if (s.size() != 4) return {};
    const auto values = floats(name);
    Tensor out(static_cast<int>(s[1]), static_cast<int>(s[2]), static_cast<int>(s[3]));
    size_t i = 0;
    for (int c = 0; c < out.channels; ++c) {
      for (int y = 0; y < out.height; ++y) {
        for (int x = 0; x < out.width; ++x) out.at(c, y, x) = values[i++];
      }
    }
    return out;
  }
  // The same for integers: [H,W,C] memory order.
  std::vector<int32_t> symbols(const std::string& name) const {
    const auto s = shape(name);
    EXPECT_EQ(s.size(), 4U) << name;
    if (s.size() != 4) return {};
    const auto values = integers(name);
    std::vector<int32_t> out(values.size());
    const int64_t area = s[2] * s[3];
    for (int64_t c = 0; c < s[1]; ++c) {
      for (int64_t p = 0; p < area; ++p) out[p * s[1] + c] = values[c * area + p];
    }
    return out;
  }
  const Safetensors& file() const { return file_; }

 private:
  explicit Golden(Safetensors file) : file_(std::move(file)) {}
  Safetensors file_;
};

// Standard deviation of a tensor's values.
inline float spread(const Tensor& t) {
  const double n = static_cast<double>(t.size());
  const double mean = std::accumulate(t.data.begin(), t.data.end(), 0.0) / n;
  double sum = 0.0;
  for (const float v : t.data) sum += (v - mean) * (v - mean);
  return static_cast<float>(std::sqrt(sum / n));
}

// Largest difference, in units of `want`'s spread.
inline double relative_error(const Tensor& have, const Tensor& want) {
  EXPECT_EQ(have.channels, want.channels);
  EXPECT_EQ(have.height, want.height);
  EXPECT_EQ(have.width, want.width);
  if (have.size() != want.size()) return 1e9;
  double worst = 0.0;
  for (size_t i = 0; i < want.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(have.data[i]) - want.data[i]));
  }
  const double unit = spread(want);
  return unit > 0.0 ? worst / unit : worst;
}

// The file with the weights that a golden case was made with.
inline std::string golden_weights(const std::string& name) {
  return name == "small" ? "small.safetensors" : "tiny_even.safetensors";
}

// The paper's architecture with the golden files' tiny widths, and the weights of case `name`; null if the
// file is not here.
inline std::shared_ptr<const Model> golden_model(const std::string& name = "tiny_even",
                                                 const std::string& scale_token = "own") {
  const auto golden = Golden::open(golden_weights(name));
  if (!golden) return nullptr;
  const auto conv = [](int in, int out, int k, int stride, const char* act, int align) {
    return R"({"op":"conv","in":)" + std::to_string(in) + R"(,"out":)" + std::to_string(out) +
           R"(,"kernel":)" + std::to_string(k) + R"(,"stride":)" + std::to_string(stride) + R"(,"act":")" +
           act + R"(","align":)" + std::to_string(align) + "}";
  };
  const auto deconv = [](int in, int out, const char* act) {
    return R"({"op":"deconv","in":)" + std::to_string(in) + R"(,"out":)" + std::to_string(out) +
           R"(,"kernel":5,"stride":2,"act":")" + act + R"("})";
  };
  const std::string gdn = R"({"op":"gdn","channels":8})";
  const std::string igdn = R"({"op":"igdn","channels":8})";
  const std::string codec =
      R"({"channels":3,"latent_channels":12,"hyper_channels":8,"quantise":"medians","g_a":[)" +
      conv(3, 8, 5, 2, "none", 2) + "," + gdn + "," + conv(8, 8, 5, 2, "none", 2) + "," + gdn + "," +
      conv(8, 8, 5, 2, "none", 2) + "," + gdn + "," + conv(8, 12, 5, 2, "none", 2) + R"(],"g_s":[)" +
      deconv(12, 8, "none") + "," + igdn + "," + deconv(8, 8, "none") + "," + igdn + "," +
      deconv(8, 8, "none") + "," + igdn + "," + deconv(8, 3, "none") + R"(],"h_a":[)" +
      conv(12, 8, 3, 1, "leaky_relu", 2) + "," + conv(8, 8, 5, 2, "leaky_relu", 2) + "," +
      conv(8, 8, 5, 2, "none", 2) + R"(],"h_s":[)" + deconv(8, 12, "leaky_relu") + "," +
      deconv(12, 18, "leaky_relu") + "," + conv(18, 24, 3, 1, "none", 2) + "]}";
  const std::string description =
      R"({"name":"golden","rules":{"nearest":"reference","scale_token":")" + scale_token +
      R"("},"rate_points":[1],"base":)" + codec + R"(,"enhancement":)" + codec +
      R"(,"liff":{"g0":8,"blocks":2,"convs":2,"growth":4,"hidden":[16,16,16,16]}})";

  SafetensorsWriter writer;
  writer.set_metadata("format", "compass-model");
  writer.set_metadata("version", "1");
  writer.set_metadata("compass", description);
  const auto copy = [&](const std::string& from, const std::string& to) {
    writer.add_floats(to, golden->shape("w." + from), golden->floats("w." + from));
  };
  const auto copy_layer = [&](const std::string& from, const std::string& to) {
    copy(from + ".weight", to + ".weight");
    copy(from + ".bias", to + ".bias");
  };
  for (const auto& [from, to] : {std::pair{"base", "base"}, std::pair{"res", "enhancement"}}) {
    const std::string f = std::string(from) + ".";
    const std::string t = std::string(to) + ".";
    for (const int i : {0, 2, 4, 6}) {
      copy_layer(f + "g_a." + std::to_string(i), t + "g_a." + std::to_string(i));
      copy_layer(f + "g_s." + std::to_string(i), t + "g_s." + std::to_string(i));
    }
    for (const int i : {1, 3, 5}) {
      for (const char* net : {"g_a.", "g_s."}) {
        const std::string layer = net + std::to_string(i);
        copy(f + layer + ".beta", t + layer + ".beta");
        copy(f + layer + ".gamma", t + layer + ".gamma");
      }
    }
    for (const int i : {0, 2, 4}) {
      copy_layer(f + "h_a." + std::to_string(i), t + "h_a." + std::to_string(i / 2));
      copy_layer(f + "h_s." + std::to_string(i), t + "h_s." + std::to_string(i / 2));
    }
    const std::string z = "w." + f + "entropy_bottleneck.";
    writer.add_integers(t + "z.cdf", golden->shape(z + "_quantized_cdf"),
                        golden->integers(z + "_quantized_cdf"));
    writer.add_integers(t + "z.length", {8}, golden->integers(z + "_cdf_length"));
    writer.add_integers(t + "z.offset", {8}, golden->integers(z + "_offset"));
    const auto quantiles = golden->floats(z + "quantiles");  // [8,1,3], the median in the middle
    std::vector<float> medians;
    for (int c = 0; c < 8; ++c) medians.push_back(quantiles[c * 3 + 1]);
    writer.add_floats(t + "z.median", {8}, medians);
    const std::string y = "w." + f + "gaussian_conditional.";
    if (!golden->has(y + "_quantized_cdf")) {
      const CdfTables tables = gaussian_tables();
      const auto cdf = tables.ragged_cdf();
      writer.add_integers(t + "y.cdf", {static_cast<int64_t>(cdf.size())}, cdf);
      writer.add_integers(t + "y.length", {64}, tables.lengths());
      writer.add_integers(t + "y.offset", {64}, tables.offsets());
      continue;
    }
    const auto cdf = golden->integers(y + "_quantized_cdf");
    const auto lengths = golden->integers(y + "_cdf_length");
    const size_t width = cdf.size() / lengths.size();
    std::vector<int32_t> ragged;
    for (size_t r = 0; r < lengths.size(); ++r) {
      ragged.insert(ragged.end(), cdf.begin() + r * width, cdf.begin() + r * width + lengths[r]);
    }
    writer.add_integers(t + "y.cdf", {static_cast<int64_t>(ragged.size())}, ragged);
    writer.add_integers(t + "y.length", {64}, lengths);
    writer.add_integers(t + "y.offset", {64}, golden->integers(y + "_offset"));
  }

  copy_layer("liff.SFENet1", "liff.sfe1");
  copy_layer("liff.SFENet2", "liff.sfe2");
  for (const char* b : {"0", "1"}) {
    const std::string from = std::string("liff.RDBs.") + b;
    const std::string to = std::string("liff.rdb.") + b;
    copy_layer(from + ".convs.0.conv.0", to + ".conv.0");
    copy_layer(from + ".convs.1.conv.0", to + ".conv.1");
    copy_layer(from + ".LFF", to + ".fuse");
  }
  copy_layer("liff.GFF.0", "liff.gff1");
  copy_layer("liff.GFF.1", "liff.gff2");
  for (int i = 0; i < 5; ++i)
    copy_layer("liff.imnet." + std::to_string(2 * i), "liff.mlp." + std::to_string(i));

  const auto model = Model::parse(writer.finish());
  EXPECT_TRUE(model) << model.error().message;
  return model ? *model : nullptr;
}

}  // namespace compass
