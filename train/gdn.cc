#include "gdn.h"

#include <cmath>

#include "element.h"
#include "layout.h"

namespace compass::train {
namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

Tensor kernel(const Tensor& gamma) {
  return gamma.unsqueeze(-1).unsqueeze(-1);
}

// y = x f(norm), f(n) being n^(1/2) or n^(-1/2). The loops are functions of their own, whose `restrict` lets
// them vectorise.
template <bool inverse, typename T>
void scale(const T* __restrict x, const T* __restrict norm, T* __restrict y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float root = std::sqrt(wide(norm[i]));
    narrow(inverse ? wide(x[i]) * root : wide(x[i]) / root, y[i]);
  }
}

// What of y's gradient g goes to x straight, g f, and what to the norm, g x f'.
template <bool inverse, typename T>
void split_gradient(const T* __restrict g, const T* __restrict x, const T* __restrict norm,
                    T* __restrict to_x, T* __restrict to_norm, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float n = wide(norm[i]);
    const float r = 1.0F / std::sqrt(n);
    const float straight = wide(g[i]) * (inverse ? n * r : r);
    narrow(straight, to_x[i]);
    narrow((inverse ? 0.5F : -0.5F) * straight * wide(x[i]) * r * r, to_norm[i]);
  }
}

// to_x += 2 x times the gradient of x^2.
template <typename T>
void add_squares(const T* __restrict x, const T* __restrict to_squares, T* __restrict to_x, int64_t count) {
  for (int64_t i = 0; i < count; ++i)
    narrow(wide(to_x[i]) + 2.0F * wide(x[i]) * wide(to_squares[i]), to_x[i]);
}

struct Gdn : torch::autograd::Function<Gdn> {
  static Tensor forward(AutogradContext* context, const Tensor& map, const Tensor& gamma, const Tensor& beta,
                        bool inverse) {
    const Tensor x = channels_last(map);
    const Tensor norm = channels_last(at::conv2d(at::square(x), kernel(gamma), beta));
    Tensor y = at::empty_like(x);
    of_type(x, [&](auto type) {
      using T = decltype(type);
      const auto loop = inverse ? scale<true, T> : scale<false, T>;
      loop(x.data_ptr<T>(), norm.data_ptr<T>(), y.data_ptr<T>(), x.numel());
    });
    context->save_for_backward({x, norm, gamma});
    context->saved_data["inverse"] = inverse;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &norm = saved[1], &gamma = saved[2];
    const bool inverse = context->saved_data["inverse"].toBool();
    const Tensor grad = channels_last(grads[0]);
    Tensor to_x = at::empty_like(x), to_norm = at::empty_like(x);
    of_type(x, [&](auto type) {
      using T = decltype(type);
      const auto loop = inverse ? split_gradient<true, T> : split_gradient<false, T>;
      loop(grad.data_ptr<T>(), x.data_ptr<T>(), norm.data_ptr<T>(), to_x.data_ptr<T>(), to_norm.data_ptr<T>(),
           x.numel());
    });
    const auto [to_squares, to_kernel, to_beta] = at::convolution_backward(
        to_norm, at::square(x), kernel(gamma), at::IntArrayRef({gamma.size(0)}), {1, 1}, {0, 0}, {1, 1},
        /*transposed=*/false, {0, 0}, 1, {true, true, true});
    const Tensor through = channels_last(to_squares);
    of_type(x, [&](auto type) {
      using T = decltype(type);
      add_squares(x.data_ptr<T>(), through.data_ptr<T>(), to_x.data_ptr<T>(), x.numel());
    });
    return {to_x, to_kernel.squeeze(-1).squeeze(-1), to_beta, Tensor()};
  }
};

}  // namespace

Tensor gdn(const Tensor& x, const Tensor& gamma, const Tensor& beta, bool inverse) {
  return x.is_cpu() ? Gdn::apply(x, gamma, beta, inverse) : plain_gdn(x, gamma, beta, inverse);
}

Tensor plain_gdn(const Tensor& x, const Tensor& gamma, const Tensor& beta, bool inverse) {
  const Tensor norm = at::conv2d(x * x, kernel(gamma), beta);
  return inverse ? x * at::sqrt(norm) : x * at::rsqrt(norm);
}

}  // namespace compass::train
