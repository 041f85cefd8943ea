#include "nn/filter.h"

#include <algorithm>

#include "nn/onednn.h"

namespace compass::nn {

PackedFilter::PackedFilter() : parts_(std::make_unique<Parts>()) {}
PackedFilter::~PackedFilter() = default;

Filter::Filter(int in, int out, int kernel_h, int kernel_w, std::function<void(float*)> weights,
               std::vector<float> bias)
    : in_(in),
      out_(out),
      kernel_h_(kernel_h),
      kernel_w_(kernel_w),
      weights_(std::move(weights)),
      bias_(std::move(bias)) {}
Filter::~Filter() = default;
Filter::Filter(Filter&&) noexcept = default;
Filter& Filter::operator=(Filter&&) noexcept = default;

const PackedFilter& Filter::packed(Context& context, const ConvKernel& kernel, int worker) {
  const dnnl::memory::desc& wanted = kernel.parts_->weights;
  for (const auto& p : packed_) {
    if (p->parts_->weights.get_desc() == wanted) return *p;
  }
  const SingleThreaded scope;
  using dnnl::memory;
  const dnnl::engine& engine = context.engine_->engine;
  dnnl::stream& stream = context.engine_->streams[worker];
  AlignedVector<float> plain(static_cast<size_t>(out_) * in_ * kernel_h_ * kernel_w_);
  weights_(plain.data());
  std::unique_ptr<PackedFilter> packed(new PackedFilter);
  packed->parts_->weights = memory(wanted, engine);
  memory source({{out_, in_, kernel_h_, kernel_w_}, memory::data_type::f32, memory::format_tag::oihw}, engine,
                plain.data());
  dnnl::reorder(source, packed->parts_->weights).execute(stream, source, packed->parts_->weights);
  packed->parts_->bias =
      memory({{out_}, memory::data_type::f32, memory::format_tag::x}, engine, bias_.data());
  stream.wait();
  return *packed_.emplace_back(std::move(packed));
}

Filter pad_filter(const float* weight, const std::vector<float>& bias, int in, int out, int kernel_h,
                  int kernel_w) {
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
