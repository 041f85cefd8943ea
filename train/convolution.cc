#include "convolution.h"

#include <algorithm>

#include "layout.h"
#include "processor.h"
#include "winograd.h"

namespace compass::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Gathers the windows of output pixels. Maps lie in memory as [B,H,W,I], so that a row of a window is one run
// of kernel * I values.
struct Window {
  int64_t height, width, channels;  // of the input
  int64_t out_height, out_width;
  int64_t kernel, stride;

  Window(const Tensor& x, int64_t kernel, int64_t stride)
      : height(x.size(2)),
        width(x.size(3)),
        channels(x.size(1)),
        out_height((height - 1) / stride + 1),
        out_width((width - 1) / stride + 1),
        kernel(kernel),
        stride(stride) {}

  int64_t values() const { return kernel * kernel * channels; }
  // A window of one pixel is the pixel: there is nothing to gather.
  bool is_pixel() const { return kernel == 1 && stride == 1; }

  // The windows of output pixels `first` .. `first + count` of all pictures, [count, values()], into `into`.
  void gather(const float* x, int64_t first, int64_t count, float* into) const {
    for (int64_t p = first; p < first + count; ++p) {
      const int64_t picture = p / (out_height * out_width);
      const int64_t top = p / out_width % out_height * stride - kernel / 2;
      const int64_t left = p % out_width * stride - kernel / 2;
      const int64_t begin = std::max<int64_t>(left, 0), end = std::min(left + kernel, width);
      for (int64_t y = top; y < top + kernel; ++y, into += kernel * channels) {
        if (y < 0 || y >= height) {
          std::fill_n(into, kernel * channels, 0.0F);
          continue;
        }
        float* at = std::fill_n(into, (begin - left) * channels, 0.0F);
        at = std::copy_n(x + ((picture * height + y) * width + begin) * channels, (end - begin) * channels,
                         at);
        std::fill(at, into + kernel * channels, 0.0F);
      }
    }
  }

  // Calls use(windows [count, values()], first, count) for all of x's, a part at a time.
  template <typename Use>
  void each_part(const Tensor& x, const Use& use) const {
    constexpr int64_t kPart = 256;  // with 128 channels their windows take 1.2 MB
    const int64_t pixels = x.size(0) * out_height * out_width;
    if (is_pixel()) {
      use(x.permute({0, 2, 3, 1}).view({pixels, channels}), 0, pixels);
      return;
    }
    const Tensor windows = at::empty({std::min(kPart, pixels), values()}, x.options());
    for (int64_t first = 0; first < pixels; first += kPart) {
      const int64_t count = std::min(kPart, pixels - first);
      gather(x.data_ptr<float>(), first, count, windows.data_ptr<float>());
      use(windows.narrow(0, 0, count), first, count);
    }
  }
};

// [B,C,H,W] in channels-last order as [B*H*W, C], and kernels [O,I,k,k] as [O, k*k*I]; no copies.
Tensor rows(const Tensor& map) {
  return map.permute({0, 2, 3, 1}).reshape({-1, map.size(1)});
}

struct ByProducts : torch::autograd::Function<ByProducts> {
  static Tensor forward(AutogradContext* context, const Tensor& map, const Tensor& kernels,
                        const Tensor& bias, int64_t stride) {
    const Tensor x = channels_last(map), weight = channels_last(kernels);
    const Window window(x, weight.size(2), stride);
    const Tensor flat = weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1}).t();
    Tensor y = at::empty({x.size(0), weight.size(0), window.out_height, window.out_width}, x.options(),
                         at::MemoryFormat::ChannelsLast);
    const Tensor out = rows(y);
    window.each_part(x, [&](const Tensor& windows, int64_t first, int64_t count) {
      Tensor part = out.narrow(0, first, count);
      at::addmm_out(part, bias, windows, flat);
    });
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = stride;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1];
    const int64_t stride = context->saved_data["stride"].toInt(), kernel = weight.size(2);
    const Tensor grad = channels_last(grads[0]);
    Tensor to_x, to_weight, to_bias;
    if (context->needs_input_grad(0)) {
      // oneDNN's gradient of the map is as fast as BLAS's, and needs no windows of the outputs.
      to_x = std::get<0>(at::convolution_backward(grad, x, weight, c10::OptionalIntArrayRef(),
                                                  {stride, stride}, {kernel / 2, kernel / 2}, {1, 1},
                                                  /*transposed=*/false, {0, 0}, 1, {true, false, false}));
    }
    if (context->needs_input_grad(1)) {
      const Window window(x, kernel, stride);
      const Tensor out = rows(grad);
      Tensor flat = at::zeros({weight.size(0), window.values()}, x.options());
      window.each_part(x, [&](const Tensor& windows, int64_t first, int64_t count) {
        flat.addmm_(out.narrow(0, first, count).t(), windows);
      });
      to_weight = flat.view({weight.size(0), kernel, kernel, weight.size(1)}).permute({0, 3, 1, 2});
    }
    if (context->needs_input_grad(2)) to_bias = rows(grad).sum(0);
    return {to_x, to_weight, to_bias, Tensor()};
  }
};

struct ByWinograd : torch::autograd::Function<ByWinograd> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, const Tensor& bias) {
    context->save_for_backward({x, weight});
    return winograd(x, weight, bias);
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], grad = channels_last(grads[0]);
    Tensor to_x, to_weight, to_bias;
    if (context->needs_input_grad(0)) to_x = winograd_to_map(grad, weight);
    if (context->needs_input_grad(1)) to_weight = winograd_to_weight(x, grad);
    if (context->needs_input_grad(2)) to_bias = rows(grad).sum(0);
    return {to_x, to_weight, to_bias};
  }
};

// Autograd functions cannot take undefined tensors.
Tensor bias_or_zeros(const Tensor& weight, const Tensor& bias) {
  return bias.defined() ? bias : at::zeros({weight.size(0)}, weight.options());
}

// Weights are taken to 36 points, and their gradients back, in every step. That pays off only for maps of
// many pixels.
bool takes_winograd(const Tensor& x, const Tensor& weight, int64_t stride) {
  return weight.size(2) == 3 && stride == 1 && x.size(1) >= 16 && x.numel() / x.size(1) >= 512;
}

}  // namespace

Tensor convolve(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride) {
  if (x.is_cpu() && x.scalar_type() == at::kFloat && !has_wide_vectors()) {
    return takes_winograd(x, weight, stride) ? convolve_by_winograd(x, weight, bias)
                                             : convolve_by_products(x, weight, bias, stride);
  }
  return at::conv2d(x, weight, bias, stride, weight.size(2) / 2);
}

Tensor convolve_by_products(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t stride) {
  return ByProducts::apply(x, weight, bias_or_zeros(weight, bias), stride);
}

Tensor convolve_by_winograd(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  return ByWinograd::apply(x, weight, bias_or_zeros(weight, bias));
}

}  // namespace compass::train
