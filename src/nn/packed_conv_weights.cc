#include "nn/packed_conv_weights.h"

#include <algorithm>

#include "nn/onednn.h"
#include "nn/winograd.h"

namespace compass::nn {

PackedConvWeights::PackedConvWeights() : parts_(std::make_unique<Parts>()) {}
PackedConvWeights::~PackedConvWeights() = default;

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

namespace {

// The weights at `plain`, [out,in,kh,kw] in C order, reordered as `wanted`. Uses the workspace's kScratch.
dnnl::memory reordered(const dnnl::engine& engine, dnnl::stream& stream, const dnnl::memory::desc& wanted,
                       const dnnl::memory::dims& dims, float* plain, Workspace& workspace) {
  using dnnl::memory;
  memory result(wanted, engine);
  if (wanted.get_size() > 0 && result.get_data_handle() == nullptr) throw std::bad_alloc();
  memory source({dims, memory::data_type::f32, memory::format_tag::oihw}, engine, plain);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::reorder::primitive_desc made(source, result, attributes);
  const memory::desc scratch = made.scratchpad_desc();
  memory scratchpad(scratch, engine, workspace.get(Workspace::kScratch, scratch.get_size()));
  dnnl::reorder(made).execute(
      stream, {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, result}, {DNNL_ARG_SCRATCHPAD, scratchpad}});
  stream.wait();
  return result;
}

}  // namespace

const PackedConvWeights& PaddedConvWeights::packed(Context& context, const ConvKernel& kernel, int worker) {
  const bool winograd = kernel.parts_->block > 0;
  const dnnl::memory::desc& wanted = kernel.parts_->weights;
  for (const auto& p : packed_) {
    const bool points = !p->parts_->points.empty();
    if (points == winograd && (points || p->parts_->weights.get_desc() == wanted)) return *p;
  }
  const SingleThreaded scope;
  const dnnl::engine& engine = context.engine_->engine;
  dnnl::stream& stream = context.engine_->streams[worker];
  const dnnl::memory::desc vector({out_}, dnnl::memory::data_type::f32, dnnl::memory::format_tag::x);
  const size_t pairs = static_cast<size_t>(out_) * in_;
  // The plain weights are needed only here: the worker's buffer for products is free meanwhile.
  Workspace& ws = context.workspace(worker);
  float* const plain = ws.get_array<float>(Workspace::kProducts, pairs * kernel_h_ * kernel_w_);
  weights_(plain);
  std::unique_ptr<PackedConvWeights> packed(new PackedConvWeights);
  packed->parts_->bias = checked([&] { return dnnl::memory(vector, engine, bias_.data()); });
  if (!winograd) {
    require_room_for_code(context.pool().threads());
    packed->parts_->weights = checked([&] {
      return reordered(engine, stream, wanted, {out_, in_, kernel_h_, kernel_w_}, plain, ws);
    });
    return *packed_.emplace_back(std::move(packed));
  }
  packed->parts_->points = AlignedVector<float>(pairs * kWinogradPoints);
  winograd_kernels(plain, in_, out_, packed->parts_->points.data());
  return *packed_.emplace_back(std::move(packed));
}

PaddedConvWeights pad_conv_weights(const float* weight, const std::vector<float>& bias, int in, int out,
                                   int kernel_h, int kernel_w) {
  const int padded_in = pad_channels(in);
  const int padded_out = pad_channels(out);
  std::vector<float> padded_bias(padded_out, 0.0F);
  std::copy(bias.begin(), bias.end(), padded_bias.begin());
  const auto write = [=](float* to) {
    const size_t area = static_cast<size_t>(kernel_h) * kernel_w;
    std::fill(to, to + area * padded_in * padded_out, 0.0F);
    for (int o = 0; o < out; ++o) {
      std::copy_n(weight + static_cast<size_t>(o) * in * area, in * area,
                  to + static_cast<size_t>(o) * padded_in * area);
    }
  };
  return {padded_in, padded_out, kernel_h, kernel_w, write, std::move(padded_bias)};
}

}  // namespace compass::nn
