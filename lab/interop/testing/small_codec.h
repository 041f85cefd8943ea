// For tests and fuzzing: a complete mean-scale codec (N=2, M=4), one with a factorised prior, and a small
// LIFF as checkpoint tensors.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "interop/testing/checkpoint.h"

namespace compass::test {

class SmallWeights {
 public:
  explicit SmallWeights(uint32_t seed) : random_(seed) {}

  void add(std::string key, std::vector<int64_t> shape, float low, float high) {
    int64_t count = 1;
    for (const int64_t side : shape) count *= side;
    std::vector<float> values(static_cast<size_t>(count));
    for (float& v : values) {
      v = low + (high - low) * static_cast<float>(random_() % 4096) / 4096.0F;
    }
    tensors_.push_back(float_tensor(std::move(key), std::move(shape), values));
  }
  // A convolution, a dense layer, or a transposed convolution whose output channels come second.
  void add_layer(const std::string& key, const std::vector<int64_t>& shape, bool transposed = false) {
    add(key + ".weight", shape, -0.2F, 0.2F);
    add(key + ".bias", {shape[transposed ? 1 : 0]}, -0.1F, 0.1F);
  }
  void add_gdn(const std::string& key, int64_t channels) {
    add(key + ".beta", {channels}, 0.9F, 1.1F);
    add(key + ".gamma", {channels, channels}, 0.0F, 0.3F);
  }
  std::vector<NamedTensor> take() { return std::move(tensors_); }

 private:
  std::mt19937 random_;
  std::vector<NamedTensor> tensors_;
};

inline constexpr int64_t kSmallN = 2;
inline constexpr int64_t kSmallM = 4;

// g_a and g_s.
inline void add_small_transforms(SmallWeights& w) {
  constexpr int64_t n = kSmallN;
  constexpr int64_t m = kSmallM;
  const int64_t g_a[] = {3, n, n, n, m};
  const int64_t g_s[] = {m, n, n, n, 3};
  for (int i = 0; i < 4; ++i) {
    w.add_layer("g_a." + std::to_string(2 * i), {g_a[i + 1], g_a[i], 5, 5});
    w.add_layer("g_s." + std::to_string(2 * i), {g_s[i], g_s[i + 1], 5, 5}, true);
    if (i < 3) {
      w.add_gdn("g_a." + std::to_string(2 * i + 1), n);
      w.add_gdn("g_s." + std::to_string(2 * i + 1), n);
    }
  }
}

// The learned density of so many channels, quantiles apart.
inline void add_small_density(SmallWeights& w, int64_t channels) {
  const int64_t filters[] = {1, 3, 3, 3, 3, 1};
  for (int i = 0; i < 5; ++i) {
    const std::string index = std::to_string(i);
    w.add("entropy_bottleneck._matrix" + index, {channels, filters[i + 1], filters[i]}, 0.0F, 0.5F);
    w.add("entropy_bottleneck._bias" + index, {channels, filters[i + 1], 1}, -0.5F, 0.5F);
    if (i < 4) w.add("entropy_bottleneck._factor" + index, {channels, filters[i + 1], 1}, -0.1F, 0.1F);
  }
}

// State dict of a codec with N=2, M=4, CDF buffers absent.
inline std::vector<NamedTensor> small_codec(uint32_t seed) {
  constexpr int64_t n = kSmallN;
  constexpr int64_t m = kSmallM;
  SmallWeights w(seed);
  add_small_transforms(w);
  w.add_layer("h_a.0", {n, m, 3, 3});
  w.add_layer("h_a.2", {n, n, 5, 5});
  w.add_layer("h_a.4", {n, n, 5, 5});
  w.add_layer("h_s.0", {n, m, 5, 5}, true);
  w.add_layer("h_s.2", {m, 3 * m / 2, 5, 5}, true);
  w.add_layer("h_s.4", {2 * m, 3 * m / 2, 3, 3});
  add_small_density(w, n);
  auto tensors = w.take();
  tensors.push_back(float_tensor("entropy_bottleneck.quantiles", {n, 1, 3},
                                 std::vector<float>{-9.5F, 0.25F, 10.0F, -6.0F, -0.5F, 5.5F}));
  return tensors;
}

// The same with a factorised prior in the hyperprior's place.
inline std::vector<NamedTensor> small_factorised(uint32_t seed) {
  SmallWeights w(seed);
  add_small_transforms(w);
  add_small_density(w, kSmallM);
  auto tensors = w.take();
  tensors.push_back(float_tensor(
      "entropy_bottleneck.quantiles", {kSmallM, 1, 3},
      std::vector<float>{-9.5F, 0.25F, 10.0F, -6.0F, -0.5F, 5.5F, -3.0F, 0.0F, 3.0F, -1.25F, 0.75F, 4.0F}));
  return tensors;
}

// G0=2, one block of one convolution, growth 1, hidden 3.
inline std::vector<NamedTensor> small_liff() {
  SmallWeights w(3);
  w.add_layer("SFENet1", {2, 3, 3, 3});
  w.add_layer("SFENet2", {2, 2, 3, 3});
  w.add_layer("RDBs.0.convs.0.conv.0", {1, 2, 3, 3});
  w.add_layer("RDBs.0.LFF", {2, 3, 1, 1});
  w.add_layer("GFF.0", {2, 2, 1, 1});
  w.add_layer("GFF.1", {2, 2, 3, 3});
  w.add_layer("imnet.0", {3, 22});
  w.add_layer("imnet.2", {54, 3});
  return w.take();
}

}  // namespace compass::test
