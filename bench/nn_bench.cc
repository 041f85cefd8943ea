// Our convolutions in f32, tile by tile on one thread: direct, and by Winograd's algorithm (src/nn/winograd.h).
#include <benchmark/benchmark.h>

#include <utility>
#include <vector>

#include "nn/context.h"
#include "nn/packed_conv_weights.h"

namespace {

// Arguments: channels in and out, Winograd's or not; 3x3 on a tile of 8x64.
void tile(benchmark::State& state) {
  const int in = static_cast<int>(state.range(0)), out = static_cast<int>(state.range(1));
  compass::ThreadPool pool(1);
  compass::nn::Context context(pool, compass::Precision::kF32);
  const auto values = [](size_t count) {
    std::vector<float> result(count);
    for (size_t i = 0; i < count; ++i) result[i] = static_cast<float>(i * 37 % 101) * 0.01F - 0.5F;
    return result;
  };
  const auto weights = values(static_cast<size_t>(in) * out * 9);
  auto padded = compass::nn::pad_conv_weights(weights.data(), std::vector<float>(out), in, out, 3, 3);
  const compass::nn::ConvShape shape{.in = in,
                                     .out = out,
                                     .kernel_h = 3,
                                     .kernel_w = 3,
                                     .rows = 8,
                                     .cols = 64,
                                     .direct = state.range(2) == 0};
  const auto conv = context.ready(padded, shape);
  const auto source = values(static_cast<size_t>(shape.in_rows()) * shape.in_cols() * in);
  std::vector<float> target(static_cast<size_t>(shape.rows) * shape.cols * out);
  for ([[maybe_unused]] auto _ : state) {
    conv.run(context.workspace(0), 0, source.data(), target.data());
    benchmark::DoNotOptimize(target.data());
  }
  state.counters["GFLOPs"] =
      benchmark::Counter(2e-9 * shape.macs(), benchmark::Counter::kIsIterationInvariantRate);
  state.SetLabel(context.implementations().front());
}

void tiles(benchmark::internal::Benchmark* bench) {
  for (const auto& [in, out] : {std::pair{16, 32},
                                {32, 16},
                                {48, 16},
                                {32, 32},
                                {32, 112},
                                {64, 64},
                                {80, 80},
                                {128, 128},
                                {320, 96},
                                {96, 320}}) {
    bench->Args({in, out, 0})->Args({in, out, 1});
  }
}

BENCHMARK(tile)->Apply(tiles);

}  // namespace

BENCHMARK_MAIN();
