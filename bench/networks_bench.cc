// Speed of the networks on one thread: single ops as the profiles use them, then whole stages of an
// enhancement layer of 768x512 over one of 384x256. Weights are random, which does not change the time.
// Counters: GFLOP/s of the ops as described, and their share of the core's measured multiply-add peak.
// "--benchmark_filter=..." selects. CPU time is measured, so that other programs disturb little.
#include <benchmark/benchmark.h>

#include <random>
#include <string>

#include "machine/peak.h"
#include "model_writer/random_model.h"
#include "networks/liff.h"
#include "networks/networks.h"

namespace compass {
namespace {

double peak(nn::Element format) {
  static const double f32 = nn::measured_peak_gflops(nn::Element::kF32, 0.3);
  static const double bf16 = nn::measured_peak_gflops(nn::Element::kBF16, 0.3);
  return format == nn::Element::kF32 ? f32 : bf16;
}

void report(benchmark::State& state, const nn::Context& context, double macs) {
  const double flops = 2.0 * macs * static_cast<double>(state.iterations());
  state.counters["GFLOPs"] = benchmark::Counter(flops * 1e-9, benchmark::Counter::kIsRate);
  state.counters["of_peak"] =
      benchmark::Counter(flops * 1e-9 / peak(context.compute()), benchmark::Counter::kIsRate);
}

Tensor random_tensor(int channels, int height, int width) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> distribution(0.0F, 1.0F);
  Tensor out(channels, height, width);
  for (float& v : out.data) v = distribution(generator);
  return out;
}

// --- single ops
// ---------------------------------------------------------------------------------------------

void single_op(benchmark::State& state, nn::Op op, Size in, Precision precision) {
  ThreadPool pool(1);
  nn::Context context(pool, precision);
  std::mt19937 generator(1);
  nn::Op mirror;
  mirror.kind = nn::OpKind::kConv;
  mirror.in = mirror.out = 1;
  mirror.kernel = 3;
  mirror.stride = mirror.align = op.up();
  const bool analysis = op.up() == 1;
  const nn::OpWeights weights = random_weights(op, 1, generator);
  const std::span ops(&op, 1);
  nn::Network network(context, analysis ? nn::Network::Role::kAnalysis : nn::Network::Role::kSynthesis, ops,
                      {&weights, 1}, analysis ? ops : std::span(&mirror, 1));
  const Size full = analysis ? in : Size{in.width * op.up(), in.height * op.up()};
  const Tensor x = random_tensor(op.in, in.height, in.width);
  const Rect out = whole(network.output_size(full));
  network.run({.x = nn::view_of(x)}, full, out);  // compiles kernels, packs weights
  for (auto _ : state) benchmark::DoNotOptimize(network.run({.x = nn::view_of(x)}, full, out));
  report(state, context, network.plan(full, out)->macs);
}

nn::Op make(nn::OpKind kind, int in, int out, int kernel, int stride, int factor,
            nn::Act act = nn::Act::kNone) {
  nn::Op op;
  op.kind = kind;
  op.in = in;
  op.out = out;
  op.kernel = kernel;
  op.stride = stride;
  op.align = kind == nn::OpKind::kConv ? stride : 1;
  op.factor = factor;
  op.hidden = in;
  op.act = act;
  return op;
}

// --- whole stages
// ----------------------------------------------------------------------------------------------

constexpr Size kPicture{768, 512};
constexpr Size kBelow{384, 256};

void stage(benchmark::State& state, const std::string& profile, const std::string& name,
           Precision precision) {
  const auto model = random_model(profile);
  if (!model) {
    state.SkipWithError(model.error().message.c_str());
    return;
  }
  ThreadPool pool(1);
  nn::Context context(pool, precision);
  CodecNetworks networks(*model, CodecKind::kEnhancement, context);
  const Tensor x = random_tensor(3, kPicture.height, kPicture.width);
  const Tensor below = random_tensor(3, kBelow.height, kBelow.width);
  const Size latent = networks.latent_size(kPicture);
  const Size hyper = networks.hyper_size(kPicture);
  const Tensor y = random_tensor(networks.latent_channels(), latent.height, latent.width);
  const std::vector<int32_t> z(hyper.pixels() * networks.hyper_channels(), 1);
  Liff liff(*model, context);
  const CodecNetworks::Cost cost = networks.cost(kPicture);
  const Liff::Cost liff_cost = liff.cost(kBelow, kPicture);
  double macs = 0.0;
  const auto run = [&] {
    if (name == "g_a") {
      benchmark::DoNotOptimize(networks.analyse(x, &x, 0.0F));
      macs = cost.g_a;
    } else if (name == "g_s") {
      benchmark::DoNotOptimize(networks.synthesise(y, &x, 0.0F, kPicture));
      macs = cost.g_s;
    } else if (name == "h_a") {
      benchmark::DoNotOptimize(networks.hyper_analyse(y));
      macs = cost.h_a;
    } else if (name == "h_s") {
      benchmark::DoNotOptimize(networks.hyper_synthesise(z, kPicture));
      macs = cost.h_s;
    } else {
      benchmark::DoNotOptimize(liff.predict(below, kPicture));
      macs = liff_cost.features + liff_cost.mlp;
    }
  };
  run();  // compiles kernels, packs weights
  for (auto _ : state) run();
  report(state, context, macs);
}

void register_all() {
  using nn::OpKind;
  const auto add = [](const std::string& name, nn::Op op, Size in) {
    for (const auto& [text, precision] :
         {std::pair{"f32", Precision::kF32}, std::pair{"bf16", Precision::kBF16}}) {
      benchmark::RegisterBenchmark(("op/" + name + "/" + text).c_str(), single_op, op, in, precision)
          ->Unit(benchmark::kMillisecond);
    }
  };
  add("conv3x3_128_at_96x64", make(OpKind::kConv, 128, 128, 3, 1, 1, nn::Act::kLeakyRelu), {96, 64});
  add("res3x3_128_at_96x64", make(OpKind::kRes, 128, 128, 3, 1, 1, nn::Act::kLeakyRelu), {96, 64});
  add("conv3x3s2_128_at_96x64", make(OpKind::kConv, 128, 128, 3, 2, 1), {96, 64});
  add("subpel2_128_at_48x32", make(OpKind::kSubpel, 128, 128, 3, 1, 2), {48, 32});
  add("subpel8_128_to_3_at_96x64", make(OpKind::kSubpel, 128, 3, 3, 1, 8), {96, 64});
  add("conv5x5s2_3_to_128_at_768x512", make(OpKind::kConv, 3, 128, 5, 2, 1), {768, 512});
  add("conv5x5s2_128_at_384x256", make(OpKind::kConv, 128, 128, 5, 2, 1), {384, 256});
  add("deconv5x5_128_at_192x128", make(OpKind::kDeconv, 128, 128, 5, 2, 1), {192, 128});
  add("deconv5x5_128_to_3_at_384x256", make(OpKind::kDeconv, 128, 3, 5, 2, 1), {384, 256});
  for (const std::string profile : {"lite", "paper"}) {
    for (const std::string name : {"g_a", "g_s", "h_a", "h_s", "liff"}) {
      for (const auto& [text, precision] :
           {std::pair{"f32", Precision::kF32}, std::pair{"bf16", Precision::kBF16}}) {
        benchmark::RegisterBenchmark((profile + "/" + name + "/" + text).c_str(), stage, profile, name,
                                     precision)
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
}

}  // namespace
}  // namespace compass

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  compass::register_all();
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
