// The two gathers of LIFF with their gradients. On CPUs they are loops over target pixels that read the
// source map in place: index_select would first copy the 3C+3 channels of each source pixel to each of its
// target pixels, which would take most of the time. On other devices they are index_select.
#include "element.h"
#include "liff.h"

namespace compass::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A map [B,h,w,C] whose channels are neighbours in memory; the rest may be a view of a wider map.
template <typename T>
struct View {
  explicit View(const Tensor& map)
      : data(map.data_ptr<std::remove_const_t<T>>()),
        batch(map.stride(0)),
        row(map.stride(1)),
        column(map.stride(2)) {
    TORCH_CHECK(map.stride(3) == 1, "channels must be neighbours");
  }
  T* at(int64_t b, int64_t y, int64_t x) const { return data + b * batch + y * row + x * column; }

  T* data;
  int64_t batch, row, column;
};

Tensor indexes(const Nearest& n, const at::Device& device) {
  return torch::tensor(n.index, torch::kLong).to(device);
}

Tensor gathered(const Tensor& source, const Nearest& y, const Nearest& x) {
  return source.index_select(1, indexes(y, source.device())).index_select(2, indexes(x, source.device()));
}

struct GatherAddRelu : torch::autograd::Function<GatherAddRelu> {
  static Tensor forward(AutogradContext* context, const Tensor& source, const Tensor& row,
                        const Tensor& column, const std::vector<int64_t>& iy,
                        const std::vector<int64_t>& ix) {
    const int64_t batch = source.size(0), height = row.size(0), width = column.size(0), c = source.size(3);
    Tensor result = torch::empty({batch, height, width, c}, source.options());
    of_type(source, [&](auto type) {
      using T = decltype(type);
      const View<const T> from(source);
      const View<T> to(result);
      for (int64_t b = 0; b < batch; ++b) {
        for (int64_t y = 0; y < height; ++y) {
          const float* r = row.data_ptr<float>() + y * c;
          for (int64_t x = 0; x < width; ++x) {
            const T* s = from.at(b, iy[y], ix[x]);
            const float* k = column.data_ptr<float>() + x * c;
            T* t = to.at(b, y, x);
            for (int64_t j = 0; j < c; ++j) narrow(std::max(0.0F, wide(s[j]) + r[j] + k[j]), t[j]);
          }
        }
      }
    });
    context->save_for_backward({result});
    context->saved_data["iy"] = iy;
    context->saved_data["ix"] = ix;
    context->saved_data["h"] = source.size(1);
    context->saved_data["w"] = source.size(2);
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const Tensor result = context->get_saved_variables()[0];
    const auto iy = context->saved_data["iy"].toIntVector(), ix = context->saved_data["ix"].toIntVector();
    const int64_t h = context->saved_data["h"].toInt(), w = context->saved_data["w"].toInt();
    const int64_t batch = result.size(0), height = result.size(1), width = result.size(2), c = result.size(3);
    const Tensor grad = grads[0].contiguous();
    Tensor source = torch::zeros({batch, h, w, c}), row = torch::zeros({height, c}),
           column = torch::zeros({width, c});
    of_type(result, [&](auto type) {
      using T = decltype(type);
      const View<const T> g_map(grad), values(result);
      const View<float> to(source);
      for (int64_t b = 0; b < batch; ++b) {
        for (int64_t y = 0; y < height; ++y) {
          float* r = row.data_ptr<float>() + y * c;
          for (int64_t x = 0; x < width; ++x) {
            const T* g = g_map.at(b, y, x);
            const T* value = values.at(b, y, x);
            float* s = to.at(b, iy[y], ix[x]);
            float* k = column.data_ptr<float>() + x * c;
            for (int64_t j = 0; j < c; ++j) {
              const float d = wide(value[j]) > 0.0F ? wide(g[j]) : 0.0F;
              s[j] += d;
              r[j] += d;
              k[j] += d;
            }
          }
        }
      }
    });
    return {source.to(result.scalar_type()), row, column, Tensor(), Tensor()};
  }
};

struct GatherDot : torch::autograd::Function<GatherDot> {
  static Tensor forward(AutogradContext* context, const Tensor& source, const Tensor& hidden,
                        const std::vector<int64_t>& iy, const std::vector<int64_t>& ix) {
    const int64_t batch = hidden.size(0), height = hidden.size(1), width = hidden.size(2), c = hidden.size(3);
    Tensor result = torch::empty({batch, height, width, 3});
    of_type(source, [&](auto type) {
      using T = decltype(type);
      const View<const T> from(source), inner(hidden);
      const View<float> to(result);
      for (int64_t b = 0; b < batch; ++b) {
        for (int64_t y = 0; y < height; ++y) {
          for (int64_t x = 0; x < width; ++x) {
            const T* s = from.at(b, iy[y], ix[x]);
            const T* v = inner.at(b, y, x);
            for (int64_t o = 0; o < 3; ++o) {
              float sum = wide(s[3 * c + o]);
              for (int64_t j = 0; j < c; ++j) sum += wide(v[j]) * wide(s[o * c + j]);
              to.at(b, y, x)[o] = sum;
            }
          }
        }
      }
    });
    context->save_for_backward({source, hidden});
    context->saved_data["iy"] = iy;
    context->saved_data["ix"] = ix;
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &source = saved[0], &hidden = saved[1];
    const auto iy = context->saved_data["iy"].toIntVector(), ix = context->saved_data["ix"].toIntVector();
    const int64_t batch = hidden.size(0), height = hidden.size(1), width = hidden.size(2), c = hidden.size(3);
    const Tensor grad = grads[0].contiguous();
    Tensor to_source = torch::zeros(source.sizes());
    Tensor to_hidden = torch::empty(hidden.sizes(), hidden.options());
    of_type(source, [&](auto type) {
      using T = decltype(type);
      const View<const T> from(source), inner(hidden);
      const View<const float> g_map(grad);
      const View<float> s_map(to_source);
      const View<T> v_map(to_hidden);
      for (int64_t b = 0; b < batch; ++b) {
        for (int64_t y = 0; y < height; ++y) {
          for (int64_t x = 0; x < width; ++x) {
            const float* g = g_map.at(b, y, x);
            const T* s = from.at(b, iy[y], ix[x]);
            const T* v = inner.at(b, y, x);
            float* ds = s_map.at(b, iy[y], ix[x]);
            T* dv = v_map.at(b, y, x);
            for (int64_t j = 0; j < c; ++j)
              narrow(g[0] * wide(s[j]) + g[1] * wide(s[c + j]) + g[2] * wide(s[2 * c + j]), dv[j]);
            for (int64_t o = 0; o < 3; ++o) {
              for (int64_t j = 0; j < c; ++j) ds[o * c + j] += g[o] * wide(v[j]);
              ds[3 * c + o] += g[o];
            }
          }
        }
      }
    });
    return {to_source.to(source.scalar_type()), to_hidden, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor gather_add_relu(const Tensor& source, const Tensor& row, const Tensor& column, const Nearest& y,
                       const Nearest& x) {
  if (source.is_cpu()) {
    return GatherAddRelu::apply(source, row.contiguous(), column.contiguous(), y.index, x.index);
  }
  return at::relu(gathered(source, y, x) + row.unsqueeze(1) + column).to(source.scalar_type());
}

Tensor gather_dot(const Tensor& source, const Tensor& hidden, const Nearest& y, const Nearest& x) {
  if (source.is_cpu()) return GatherDot::apply(source, hidden.contiguous(), y.index, x.index);
  const int64_t c = hidden.size(3);
  const Tensor s = gathered(source, y, x).to(at::kFloat);
  const auto shape = hidden.sizes();
  const Tensor kernels = s.slice(3, 0, 3 * c).reshape({shape[0], shape[1], shape[2], 3, c});
  return (kernels * hidden.unsqueeze(3)).sum(4) + s.slice(3, 3 * c);
}

}  // namespace compass::train
