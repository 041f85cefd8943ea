// oneDNN's convolutions on one thread, by type: what int8 would give. Under
// ONEDNN_MAX_CPU_ISA=AVX512_CORE_VNNI they are those of a machine without AMX.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstring>
#include <dnnl.hpp>

#include "nn/bf16/onednn.h"

namespace {

using dnnl::memory;
using Type = memory::data_type;

// Small numbers of either sign, and no denormals, which would be slow.
void fill(const memory& values, Type type) {
  const size_t bytes = values.get_desc().get_size();
  auto* to = static_cast<uint8_t*>(values.get_data_handle());
  const bool integers = type == Type::u8 || type == Type::s8;
  const size_t width = integers ? 1 : type == Type::bf16 ? 2 : 4;
  for (size_t i = 0; i * width < bytes; ++i) {
    const auto number = static_cast<int>(i * 37 % 101);
    const float real = static_cast<float>(number - 50) * 0.01F;
    if (integers) {
      to[i] = static_cast<uint8_t>(number);
    } else {  // a bf16 is the upper half of a float
      std::memcpy(to + i * width, reinterpret_cast<const uint8_t*>(&real) + (4 - width), width);
    }
  }
}

// Arguments: channels in and out, kernel; a map of 64x64 as the networks' tiles have.
void convolution(benchmark::State& state, Type source, Type weights, Type target) {
  const compass::nn::SingleThreaded single;
  const int64_t in = state.range(0), out = state.range(1), kernel = state.range(2);
  constexpr int64_t kSide = 64;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const auto any = memory::format_tag::any;
  // int8 is not scaled: that is a multiplication per output, of hundreds.
  const auto chosen = compass::nn::direct_convolution(engine,
                                                      {.source{{1, in, kSide, kSide}, source, any},
                                                       .weights{{out, in, kernel, kernel}, weights, any},
                                                       .bias{{out}, Type::f32, any},
                                                       .target{{1, out, kSide, kSide}, target, any}},
                                                      1, static_cast<int>(kernel / 2), {});
  const memory x(chosen.src_desc(), engine), w(chosen.weights_desc(), engine), b(chosen.bias_desc(), engine),
      y(chosen.dst_desc(), engine);
  fill(x, source);
  fill(w, weights);
  fill(b, Type::f32);
  const dnnl::convolution_forward run(chosen);
  for ([[maybe_unused]] auto _ : state) {
    run.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_BIAS, b}, {DNNL_ARG_DST, y}});
    stream.wait();
  }
  const auto flop = static_cast<double>(2 * in * out * kernel * kernel * kSide * kSide);
  state.counters["GFLOPs"] = benchmark::Counter(flop * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.SetLabel(chosen.impl_info_str());
}

void shapes(benchmark::internal::Benchmark* bench) {
  bench->Args({64, 64, 3})->Args({128, 128, 3})->Args({256, 256, 1});
}

BENCHMARK_CAPTURE(convolution, f32, Type::f32, Type::f32, Type::f32)->Apply(shapes);
BENCHMARK_CAPTURE(convolution, bf16, Type::bf16, Type::bf16, Type::bf16)->Apply(shapes);
BENCHMARK_CAPTURE(convolution, int8, Type::u8, Type::s8, Type::u8)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
