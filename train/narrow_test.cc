// Networks narrowed from wide ones that need no more channels than the narrow ones have: nothing is lost.
#include "narrow.h"

#include <gtest/gtest.h>

#include "model_writer/safetensors_writer.h"

namespace compass::train {
namespace {

using nn::Op;
using nn::OpKind;

std::vector<Op> analysis() {
  const Op half{.kind = OpKind::kConv, .in = 1, .out = 1, .kernel = 3, .stride = 2, .align = 2};
  return {half, half};
}

// 5 latents at 1/4 to three colours, by maps of so many channels at 1/2, with such residual blocks.
std::vector<Op> synthesis(int channels, int hidden) {
  return {
      {.kind = OpKind::kRateGain, .in = 5, .out = 5},
      {.kind = OpKind::kRes, .in = 5, .out = 5, .kernel = 3, .hidden = hidden, .act = nn::Act::kLeakyRelu},
      {.kind = OpKind::kSubpel, .in = 5, .out = channels, .kernel = 1, .factor = 2},
      {.kind = OpKind::kCondition, .in = 3, .out = channels, .kernel = 1, .factor = 2},
      {.kind = OpKind::kRes,
       .in = channels,
       .out = channels,
       .kernel = 3,
       .hidden = hidden,
       .act = nn::Act::kLeakyRelu},
      {.kind = OpKind::kSubpel, .in = channels, .out = 3, .kernel = 3, .factor = 2}};
}

// As hyper-syntheses are: activations between all convolutions.
std::vector<Op> hyper_synthesis(int channels) {
  return {{.kind = OpKind::kSubpel,
           .in = 5,
           .out = channels,
           .kernel = 3,
           .factor = 2,
           .act = nn::Act::kLeakyRelu},
          {.kind = OpKind::kSubpel,
           .in = channels,
           .out = channels,
           .kernel = 1,
           .factor = 2,
           .act = nn::Act::kLeakyRelu},
          {.kind = OpKind::kConv, .in = channels, .out = 4, .kernel = 3}};
}

void randomise(Network& network) {
  const torch::NoGradGuard guard;
  for (auto& item : network->named_parameters()) item.value().copy_(0.3 * torch::randn_like(item.value()));
}

// Fills the first rows of `to`, and zeros the rest.
void place(Tensor to, const Tensor& from) {
  to.zero_();
  for (int64_t d = 0; d < from.dim(); ++d) to = to.slice(d, 0, from.size(d));
  to.copy_(from);
}

std::vector<SynthesisInput> inputs(int64_t latents) {
  std::vector<SynthesisInput> all;
  for (int i = 0; i < 4; ++i) {
    const Pass pass{torch::tensor({0.0F, 0.7F}), torch::randn({2, 3, 37, 42}), at::kFloat, {}};
    all.push_back({torch::randn({2, latents, 10, 11}), pass, {37, 42}});
  }
  return all;
}

double difference(Network& a, Network& b, const SynthesisInput& in) {
  const torch::NoGradGuard guard;
  const Tensor wanted = a->synthesise(in.map, in.pass, in.size);
  return at::square(b->synthesise(in.map, in.pass, in.size) - wanted).mean().item<double>() /
         at::square(wanted).mean().item<double>();
}

TEST(Narrow, DirectionsThatAreNotUsedCostNothing) {
  torch::manual_seed(1);
  Network truth(synthesis(4, 3), analysis(), 2), wide(synthesis(10, 7), analysis(), 2);
  randomise(truth);
  {
    // The same network among other directions of ten channels.
    const torch::NoGradGuard guard;
    const Tensor turn = std::get<0>(at::linalg_qr(torch::randn({10, 4})));  // [10,4]
    const auto out = [&](const Tensor& w) {                                 // [4,...] -> [10,...]
      std::vector<int64_t> shape = w.sizes().vec();
      shape[0] = 10;
      return at::matmul(turn, w.flatten(1)).reshape(shape);
    };
    const auto in = [&](const Tensor& w) { return out(w.transpose(0, 1).contiguous()).transpose(0, 1); };
    auto& from = truth->ops;
    auto& to = wide->ops;
    to[0]->log_gain.copy_(from[0]->log_gain);
    for (const size_t block : {1, 4}) {
      const bool turned = block == 4;
      place(to[block]->conv1->weight, turned ? in(from[block]->conv1->weight) : from[block]->conv1->weight);
      place(to[block]->conv1->bias, from[block]->conv1->bias);
      place(to[block]->conv2->weight, turned ? out(from[block]->conv2->weight) : from[block]->conv2->weight);
      const Tensor bias = from[block]->conv2->bias;
      to[block]->conv2->bias.copy_(turned ? at::matmul(turn, bias) : bias);
    }
    to[2]->conv->weight.copy_(out(from[2]->conv->weight.reshape({4, -1})).reshape({40, 5, 1, 1}));
    to[2]->conv->bias.copy_(at::matmul(turn, from[2]->conv->bias.reshape({4, 4})).flatten());
    to[3]->conv->weight.copy_(out(from[3]->conv->weight));
    to[3]->conv->bias.copy_(at::matmul(turn, from[3]->conv->bias));
    to[5]->conv->weight.copy_(in(from[5]->conv->weight));
    to[5]->conv->bias.copy_(from[5]->conv->bias);
  }
  const auto examples = inputs(5);
  ASSERT_LT(difference(truth, wide, examples[0]), 1e-9);
  Network narrow(synthesis(4, 3), analysis(), 2);
  randomise(narrow);
  ASSERT_GT(difference(wide, narrow, examples[0]), 0.1);
  narrow_network(narrow, wide, examples);
  EXPECT_LT(difference(wide, narrow, examples[0]), 1e-4);
  EXPECT_LT(difference(wide, narrow, inputs(5)[0]), 1e-4);  // which it has not seen
}

TEST(Narrow, ChannelsThatAreNotUsedCostNothing) {
  torch::manual_seed(2);
  const std::vector<Op> mirror{analysis()};
  Network truth(hyper_synthesis(4), mirror, 2), wide(hyper_synthesis(9), mirror, 2);
  randomise(truth);
  {
    const torch::NoGradGuard guard;
    for (const auto& item : truth->named_parameters())
      place(wide->named_parameters()[item.key()], item.value());
  }
  const auto examples = inputs(5);
  ASSERT_LT(difference(truth, wide, examples[0]), 1e-9);
  Network narrow(hyper_synthesis(4), mirror, 2);
  randomise(narrow);
  narrow_network(narrow, wide, examples);
  EXPECT_LT(difference(wide, narrow, examples[0]), 1e-4);
}

TEST(Narrow, WidthsComeFromTheFile) {
  Network wide(synthesis(10, 7), analysis(), 2);
  SafetensorsWriter writer;
  for (const auto& item : wide->named_parameters()) {
    const Tensor value = item.value().detach().contiguous();
    writer.add_floats("base.g_s." + item.key(), value.sizes().vec(),
                      {value.data_ptr<float>(), static_cast<size_t>(value.numel())});
  }
  const auto file = Safetensors::parse(writer.finish());
  ASSERT_TRUE(file);
  const std::vector<Op> found = wider_ops(synthesis(4, 3), *file, "base.g_s");
  ASSERT_EQ(found.size(), 6U);
  EXPECT_EQ(found[2].out, 10);
  EXPECT_EQ(found[4].hidden, 7);
  EXPECT_EQ(found[5].in, 10);
  EXPECT_TRUE(wider_ops(synthesis(10, 7), *file, "base.g_s").empty());  // as wide
  EXPECT_TRUE(wider_ops(synthesis(12, 3), *file, "base.g_s").empty());  // wider than the file's
  EXPECT_TRUE(wider_ops(synthesis(4, 3), *file, "base.h_s").empty());   // not in the file
}

}  // namespace
}  // namespace compass::train
