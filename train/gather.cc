// The two gathers of LIFF with their gradients. On CPUs they are loops over target pixels that read the
// source map in place: index_select would first copy the 3C+3 channels of each source pixel to each of its
// target pixels, which is all the time there is. On other devices they are index_select.
#include "liff.h"

namespace compass::train {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Raw views of float tensors in [.., C] order.
const float* in(const Tensor& t) {
  return t.data_ptr<float>();
}
float* out(Tensor& t) {
  return t.data_ptr<float>();
}

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
    const int64_t batch = source.size(0), h = source.size(1), w = source.size(2), c = source.size(3);
    const int64_t height = row.size(0), width = column.size(0);
    Tensor result = torch::empty({batch, height, width, c});
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t y = 0; y < height; ++y) {
        const float* r = in(row) + y * c;
        const float* line = in(source) + (b * h + iy[y]) * w * c;
        float* to = out(result) + (b * height + y) * width * c;
        for (int64_t x = 0; x < width; ++x) {
          const float* s = line + ix[x] * c;
          const float* k = in(column) + x * c;
          for (int64_t j = 0; j < c; ++j) to[x * c + j] = std::max(0.0F, s[j] + r[j] + k[j]);
        }
      }
    }
    context->save_for_backward({result});
    context->saved_data["iy"] = iy;
    context->saved_data["ix"] = ix;
    context->saved_data["h"] = h;
    context->saved_data["w"] = w;
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
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t y = 0; y < height; ++y) {
        const float* g = in(grad) + (b * height + y) * width * c;
        const float* value = in(result) + (b * height + y) * width * c;
        float* line = out(source) + (b * h + iy[y]) * w * c;
        float* r = out(row) + y * c;
        for (int64_t x = 0; x < width; ++x) {
          float* s = line + ix[x] * c;
          float* k = out(column) + x * c;
          for (int64_t j = 0; j < c; ++j) {
            const float d = value[x * c + j] > 0.0F ? g[x * c + j] : 0.0F;
            s[j] += d;
            r[j] += d;
            k[j] += d;
          }
        }
      }
    }
    return {source, row, column, Tensor(), Tensor()};
  }
};

struct GatherDot : torch::autograd::Function<GatherDot> {
  static Tensor forward(AutogradContext* context, const Tensor& source, const Tensor& hidden,
                        const std::vector<int64_t>& iy, const std::vector<int64_t>& ix) {
    const int64_t h = source.size(1), w = source.size(2), wide = source.size(3);
    const int64_t batch = hidden.size(0), height = hidden.size(1), width = hidden.size(2), c = hidden.size(3);
    Tensor result = torch::empty({batch, height, width, 3});
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t y = 0; y < height; ++y) {
        const float* line = in(source) + (b * h + iy[y]) * w * wide;
        const float* v = in(hidden) + (b * height + y) * width * c;
        float* to = out(result) + (b * height + y) * width * 3;
        for (int64_t x = 0; x < width; ++x) {
          const float* s = line + ix[x] * wide;
          for (int64_t o = 0; o < 3; ++o) {
            float sum = s[3 * c + o];
            for (int64_t j = 0; j < c; ++j) sum += v[x * c + j] * s[o * c + j];
            to[x * 3 + o] = sum;
          }
        }
      }
    }
    context->save_for_backward({source, hidden});
    context->saved_data["iy"] = iy;
    context->saved_data["ix"] = ix;
    return result;
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &source = saved[0], &hidden = saved[1];
    const auto iy = context->saved_data["iy"].toIntVector(), ix = context->saved_data["ix"].toIntVector();
    const int64_t h = source.size(1), w = source.size(2), wide = source.size(3);
    const int64_t batch = hidden.size(0), height = hidden.size(1), width = hidden.size(2), c = hidden.size(3);
    const Tensor grad = grads[0].contiguous();
    Tensor to_source = torch::zeros_like(source), to_hidden = torch::empty_like(hidden);
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t y = 0; y < height; ++y) {
        const int64_t line = (b * h + iy[y]) * w * wide;
        const int64_t at = (b * height + y) * width;
        for (int64_t x = 0; x < width; ++x) {
          const float* g = in(grad) + (at + x) * 3;
          const float* s = in(source) + line + ix[x] * wide;
          const float* v = in(hidden) + (at + x) * c;
          float* ds = out(to_source) + line + ix[x] * wide;
          float* dv = out(to_hidden) + (at + x) * c;
          for (int64_t j = 0; j < c; ++j) dv[j] = g[0] * s[j] + g[1] * s[c + j] + g[2] * s[2 * c + j];
          for (int64_t o = 0; o < 3; ++o) {
            for (int64_t j = 0; j < c; ++j) ds[o * c + j] += g[o] * v[j];
            ds[3 * c + o] += g[o];
          }
        }
      }
    }
    return {to_source, to_hidden, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor gather_add_relu(const Tensor& source, const Tensor& row, const Tensor& column, const Nearest& y,
                       const Nearest& x) {
  if (source.is_cpu()) {
    return GatherAddRelu::apply(source.contiguous(), row.contiguous(), column.contiguous(), y.index, x.index);
  }
  return at::relu(gathered(source, y, x) + row.unsqueeze(1) + column);
}

Tensor gather_dot(const Tensor& source, const Tensor& hidden, const Nearest& y, const Nearest& x) {
  if (source.is_cpu()) return GatherDot::apply(source.contiguous(), hidden.contiguous(), y.index, x.index);
  const int64_t c = hidden.size(3);
  const Tensor s = gathered(source, y, x);
  const auto shape = hidden.sizes();
  const Tensor kernels = s.slice(3, 0, 3 * c).reshape({shape[0], shape[1], shape[2], 3, c});
  return (kernels * hidden.unsqueeze(3)).sum(4) + s.slice(3, 3 * c);
}

}  // namespace compass::train
