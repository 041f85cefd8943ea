#include "nn/packed_conv_weights.h"

#include <algorithm>

namespace compass::nn {

PaddedConvWeights::PaddedConvWeights(int in, int out, int kernel_h, int kernel_w,
                                     std::function<void(float*)> weights, std::vector<float> bias)
    : in_(in),
      out_(out),
      kernel_h_(kernel_h),
      kernel_w_(kernel_w),
      weights_(std::move(weights)),
      bias_(std::move(bias)) {}
PaddedConvWeights::~PaddedConvWeights() = default;
PaddedConvWeights::PaddedConvWeights(PaddedConvWeights&&) noexcept = default;
PaddedConvWeights& PaddedConvWeights::operator=(PaddedConvWeights&&) noexcept = default;

const PackedConvWeights& PaddedConvWeights::packed(Context& context, const ConvKernel& kernel, int worker) {
  for (const auto& p : packed_) {
    if (kernel.reads(*p)) return *p;
  }
  // The plain weights are needed only here: the worker's buffer for products is free meanwhile.
  Workspace& ws = context.workspace(worker);
  float* const plain =
      ws.get_array<float>(Workspace::kProducts, static_cast<size_t>(out_) * in_ * kernel_h_ * kernel_w_);
  weights_(plain);
  return *packed_.emplace_back(kernel.pack(plain, bias_.data(), ws, worker));
}

PaddedConvWeights pad_conv_weights(const StoredWeights& weight, const std::vector<float>& bias, int in,
                                   int out, int kernel_h, int kernel_w) {
  const int padded_in = pad_channels(in);
  const int padded_out = pad_channels(out);
  std::vector<float> padded_bias(padded_out, 0.0F);
  std::copy(bias.begin(), bias.end(), padded_bias.begin());
  const auto write = [=](float* to) {
    const std::vector<float> values = weight.floats();
    const size_t area = static_cast<size_t>(kernel_h) * kernel_w;
    std::fill(to, to + area * padded_in * padded_out, 0.0F);
    for (int o = 0; o < out; ++o) {
      std::copy_n(values.data() + static_cast<size_t>(o) * in * area, in * area,
                  to + static_cast<size_t>(o) * padded_in * area);
    }
  };
  return {padded_in, padded_out, kernel_h, kernel_w, write, std::move(padded_bias)};
}

}  // namespace compass::nn
