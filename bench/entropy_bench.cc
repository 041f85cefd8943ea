// Speed of entropy coding on what a trained model's latents look like: each channel has its own scale, each
// position its own activity, most elements have the lowest scale index, and symbols follow the tables.
// "items" are elements of y, skipped ones included; coded_per_s counts only those that cost bits.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "entropy/layer_coder.h"
#include "priors/gaussian_tables.h"
#include "priors/level_counts.h"
#include "priors/reference_coder.h"

namespace compass {
namespace {

struct Latents {
  std::vector<int32_t> y;
  std::vector<uint8_t> indexes;
  size_t coded = 0;  // elements whose index is not the lowest
};

// y of a 1536x1024 picture, M = 128 channels: 96x64 positions. `activity` is the mean log2 scale; -5 is a low
// rate, -3 a usual one, 1 a very high one.
Latents make_latents(const CdfTables& tables, double activity) {
  constexpr int kPositions = 96 * 64;
  constexpr int kChannels = 128;
  std::mt19937 rng(7);
  std::normal_distribution<double> normal;
  std::vector<double> channel(kChannels);
  for (double& c : channel) c = 2.0 * normal(rng);
  Latents out;
  double here = 0;
  for (int p = 0; p < kPositions; ++p) {
    here = 0.9 * here + 0.5 * normal(rng);
    for (int c = 0; c < kChannels; ++c) {
      const double log2_scale = activity + channel[c] + here + 0.3 * normal(rng);
      const int index = scale_index(static_cast<float>(std::exp2(log2_scale)));
      const CdfRow row = tables.row(index);
      const uint32_t at = rng() % kCdfTotal;
      const auto above = std::upper_bound(row.cdf.begin(), row.cdf.end(), at);
      const int slot = static_cast<int>(above - row.cdf.begin()) - 1;
      out.indexes.push_back(static_cast<uint8_t>(index));
      out.y.push_back(index == 0 || slot == row.escape ? 0 : row.offset + slot);
      out.coded += index != 0 ? 1 : 0;
    }
  }
  return out;
}

void report(benchmark::State& state, const Latents& latents, size_t bytes) {
  const auto runs = static_cast<int64_t>(state.iterations());
  state.SetItemsProcessed(runs * static_cast<int64_t>(latents.y.size()));
  state.counters["coded_per_s"] = benchmark::Counter(
      static_cast<double>(runs) * static_cast<double>(latents.coded), benchmark::Counter::kIsRate);
  state.counters["coded_%"] =
      100.0 * static_cast<double>(latents.coded) / static_cast<double>(latents.y.size());
  state.counters["bits_per_coded"] = 8.0 * static_cast<double>(bytes) / static_cast<double>(latents.coded);
}

void layer_decode(benchmark::State& state) {
  const CdfTables tables = gaussian_tables();
  const Latents latents = make_latents(tables, static_cast<double>(state.range(0)));
  const auto bytes = *encode_layer({{}, latents.y, latents.indexes}, tables, tables);
  std::vector<float> y_hat(latents.y.size());
  for (auto _ : state) {
    auto decoder = *LayerDecoder::open(bytes);
    if (!decoder.decode_y_onto(tables, latents.indexes, y_hat)) state.SkipWithError("does not decode");
    benchmark::DoNotOptimize(y_hat.data());
  }
  report(state, latents, bytes.size());
}
BENCHMARK(layer_decode)->DenseRange(-5, 1, 2)->Unit(benchmark::kMillisecond);

// The same activity with a trellis: a random path whose symbols follow the tables.
Latents make_trellis_latents(const CdfTables& tables, const TrellisLayout& layout, double activity) {
  Latents out = make_latents(gaussian_tables(), activity);
  std::ranges::fill(out.y, 0);
  const size_t stride = static_cast<size_t>(layout.width) * layout.channels;
  const TrellisOffsets offsets(stride, layout.channels);
  std::mt19937 rng(8);
  TrellisOrder order;
  for (const Rect block : trellis_blocks({layout.width, static_cast<int>(out.y.size() / stride)})) {
    const size_t first = block.y * stride + static_cast<size_t>(block.x) * layout.channels;
    order.load(out.indexes.data() + first, stride, block.size(), layout.channels);
    int state = 0;
    for (int c = 0; c < layout.channels; ++c) {
      for (const TrellisOrder::Element e : order.channel(c)) {
        const CdfRow row = tables.row(layout.row_of(e.index()) + quantiser_of(state) * kScales);
        const uint32_t at = rng() % kCdfTotal;
        const int slot = static_cast<int>(std::ranges::upper_bound(row.cdf, at) - row.cdf.begin()) - 1;
        const int32_t symbol = slot == row.escape ? 0 : row.offset + slot;
        out.y[first + offsets[e.position()] + c] =
            static_cast<int32_t>(level_of(quantiser_of(state), symbol));
        state = kTrellisNext[state][symbol & 1];
      }
    }
  }
  return out;
}

constexpr TrellisLayout kBenchLayout{96, 128, 0};

void trellis_decode(benchmark::State& state) {
  const CdfTables tables = LevelCounts(0.6785).tables();
  const Latents latents = make_trellis_latents(tables, kBenchLayout, static_cast<double>(state.range(0)));
  const auto bytes = *encode_layer({{}, latents.y, latents.indexes, {}, 0, kBenchLayout}, {}, tables);
  std::vector<float> y_hat(latents.y.size());
  for (auto _ : state) {
    auto decoder = *LayerDecoder::open(bytes);
    if (!decoder.decode_levels_onto(tables, kBenchLayout, latents.indexes, 0.6785F, y_hat)) {
      state.SkipWithError("does not decode");
    }
    benchmark::DoNotOptimize(y_hat.data());
  }
  report(state, latents, bytes.size());
}
BENCHMARK(trellis_decode)->DenseRange(-5, 1, 2)->Unit(benchmark::kMillisecond);

void trellis_encode(benchmark::State& state) {
  const CdfTables tables = LevelCounts(0.6785).tables();
  const Latents latents = make_trellis_latents(tables, kBenchLayout, static_cast<double>(state.range(0)));
  size_t bytes = 0;
  for (auto _ : state) {
    bytes = encode_layer({{}, latents.y, latents.indexes, {}, 0, kBenchLayout}, {}, tables)->size();
  }
  report(state, latents, bytes);
}
BENCHMARK(trellis_encode)->Arg(-3)->Unit(benchmark::kMillisecond);

void layer_encode(benchmark::State& state) {
  const CdfTables tables = gaussian_tables();
  const Latents latents = make_latents(tables, static_cast<double>(state.range(0)));
  size_t bytes = 0;
  for (auto _ : state) bytes = encode_layer({{}, latents.y, latents.indexes}, tables, tables)->size();
  report(state, latents, bytes);
}
BENCHMARK(layer_encode)->Arg(-3)->Unit(benchmark::kMillisecond);

void reference_coder_decode(benchmark::State& state) {
  const CdfTables tables = gaussian_tables();
  const Latents latents = make_latents(tables, static_cast<double>(state.range(0)));
  const auto bytes = *reference_encode(latents.y, latents.indexes, tables);
  std::vector<int32_t> y(latents.y.size());
  for (auto _ : state) {
    if (!reference_decode(bytes, latents.indexes, tables, y)) state.SkipWithError("does not decode");
    benchmark::DoNotOptimize(y.data());
  }
  report(state, latents, bytes.size());
}
BENCHMARK(reference_coder_decode)->Arg(-3)->Unit(benchmark::kMillisecond);

void make_gaussian_tables(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(gaussian_tables().rows());
}
BENCHMARK(make_gaussian_tables)->Unit(benchmark::kMillisecond);

// What loading a model costs for its Gaussian tables.
void check_and_index_tables(benchmark::State& state) {
  const CdfTables tables = gaussian_tables();
  const auto cdf = tables.ragged_cdf();
  const auto lengths = tables.lengths();
  const auto offsets = tables.offsets();
  for (auto _ : state) benchmark::DoNotOptimize(CdfTables::from_ragged(cdf, lengths, offsets)->rows());
}
BENCHMARK(check_and_index_tables)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace compass

BENCHMARK_MAIN();
