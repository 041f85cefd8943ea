#include "liff.h"

#include "convolution.h"
#include "layout.h"

namespace compass::train {

namespace {

// A target's rows or columns: the nearest source pixels, or for LIIF those before and after it.
std::vector<Nearest> axis_of(LiffKind kind, NearestRule rule, int64_t source, int64_t target) {
  if (kind == LiffKind::kLiff) return {nearest(rule, source, target)};
  return {nearest(rule, source, target, GridShift::kBefore),
          nearest(rule, source, target, GridShift::kAfter)};
}

// LIIF's blend of the answers for before and after in each axis, [B,H,W,3] each: each one counts as much as
// the area between the target and the source pixel diagonally opposite.
Tensor blend(const std::vector<Tensor>& answers, const std::vector<Nearest>& y,
             const std::vector<Nearest>& x) {
  constexpr double kNoArea = 1e-9;
  Tensor sum, areas;
  for (size_t corner = 0; corner < answers.size(); ++corner) {
    const size_t opposite = answers.size() - 1 - corner;
    const auto distances = [&](const Nearest& axis) {
      return at::abs(torch::tensor(axis.offset)).to(answers[corner].device());
    };
    const Tensor area =
        (distances(y[opposite / 2]).view({1, -1, 1, 1}) * distances(x[opposite % 2]).view({1, 1, -1, 1})) +
        kNoArea;
    sum = sum.defined() ? sum + area * answers[corner] : area * answers[corner];
    areas = areas.defined() ? areas + area : area;
  }
  return sum / areas;
}

}  // namespace

Nearest nearest(NearestRule rule, int64_t source, int64_t target, GridShift shift) {
  const auto count = static_cast<int>(target);
  const GridAxis axis = grid_axis(rule, static_cast<int>(source), count, 0, count, shift);
  return {{axis.source.begin(), axis.source.end()}, axis.relative};
}

LiffImpl::LiffImpl(const LiffDescription& d, NearestRule rule)
    : kind(d.kind), g0(d.g0), side(d.unfold), rule(rule) {
  sfe1 = register_module("sfe1", Conv(3, g0, 3, 1));
  sfe2 = register_module("sfe2", Conv(g0, g0, 3, 1));
  for (int b = 0; b < d.blocks; ++b) {
    Block block;
    const std::string name = "rdb" + std::to_string(b) + "_";
    for (int i = 0; i < d.convs; ++i) {
      block.convs.push_back(
          register_module(name + "conv" + std::to_string(i), Conv(g0 + i * d.growth, d.growth, 3, 1)));
    }
    block.fuse = register_module(name + "fuse", Conv(g0 + d.convs * d.growth, g0, 1, 1));
    blocks.push_back(std::move(block));
  }
  gff1 = register_module("gff1", Conv(d.blocks * g0, g0, 1, 1));
  gff2 = register_module("gff2", Conv(g0, g0, 3, 1));
  int64_t in = d.mlp_inputs();
  std::vector<int64_t> widths(d.hidden.begin(), d.hidden.end());
  widths.push_back(d.mlp_outputs());
  for (size_t i = 0; i < widths.size(); ++i) {
    mlp.push_back(register_module("mlp" + std::to_string(i), torch::nn::Linear(in, widths[i])));
    in = widths[i];
  }
  if (d.bicubic_residual) {
    // Starts as a correction of zero.
    const torch::NoGradGuard guard;
    mlp.back()->weight.zero_();
    mlp.back()->bias.zero_();
  }
}

Tensor LiffImpl::features(const Tensor& x) {
  const Tensor f1 = sfe1(x);
  Tensor f = sfe2(f1);
  std::vector<Tensor> outputs;
  for (auto& block : blocks) {
    Tensor dense = f;
    for (auto& conv : block.convs) dense = at::cat({dense, at::relu(conv(dense))}, 1);
    f = block.fuse(dense) + f;
    outputs.push_back(f);
  }
  return gff2(gff1(at::cat(outputs, 1))) + f1;
}

Tensor LiffImpl::forward(const Tensor& below, MapSize target, MapSize token_target, at::ScalarType dtype) {
  const Tensor f = features(channels_last(below.to(dtype)));
  const int64_t first = mlp.front()->weight.size(0), last = mlp.back()->weight.size(1);

  // The parts of the first and, of LIFF, the last layer that see the features, as one convolution.
  Tensor kernels = mlp.front()->weight.slice(1, 0, unfolded()).reshape({first, g0, side, side});
  if (kind == LiffKind::kLiff) {
    const Tensor wl = mlp.back()->weight.reshape({g0, side, side, 3, last}).permute({3, 4, 0, 1, 2});
    const Tensor bl = mlp.back()->bias.reshape({g0, side, side, 3}).permute({3, 0, 1, 2});
    kernels = at::cat({kernels, wl.reshape({3 * last, g0, side, side}), bl}, 0);
  }
  const Tensor maps = convolve(f, channels_last(kernels.to(dtype)), {}, 1).permute({0, 2, 3, 1});
  // Split rather than sliced twice, whose gradients would be two maps of zeros to fill and add.
  const auto parts = maps.split_with_sizes({first, maps.size(3) - first}, 3);

  const std::vector<Nearest> y = axis_of(kind, rule, below.size(2), target.height),
                             x = axis_of(kind, rule, below.size(3), target.width);
  const Tensor rest =
      mlp.front()->weight.slice(1, unfolded());  // [hidden,4]: offset y, offset x, token y, token x
  const auto column = [&](int64_t i) { return rest.select(1, i); };
  const double token_y = 2.0 * below.size(2) / token_target.height,
               token_x = 2.0 * below.size(3) / token_target.width;
  const auto options = at::TensorOptions().device(below.device());
  // All layers but the last for a source pixel each.
  const auto hidden_for = [&](const Nearest& down, const Nearest& across) {
    const Tensor rows = torch::tensor(down.offset).to(options.device()).unsqueeze(1) * column(0);
    const Tensor columns = torch::tensor(across.offset).to(options.device()).unsqueeze(1) * column(1) +
                           (column(2) * token_y + column(3) * token_x + mlp.front()->bias);
    Tensor hidden = gather_add_relu(parts[0], rows, columns, down, across);
    for (size_t i = 1; i + 1 < mlp.size(); ++i) {
      hidden = at::linear(hidden, mlp[i]->weight.to(dtype), mlp[i]->bias.to(dtype)).relu_();
    }
    return hidden;
  };
  if (kind == LiffKind::kLiff) {
    return gather_dot(parts[1], hidden_for(y[0], x[0]), y[0], x[0]).permute({0, 3, 1, 2});
  }
  std::vector<Tensor> answers;
  for (const Nearest& down : y) {
    for (const Nearest& across : x) {
      const Tensor colours =
          at::linear(hidden_for(down, across), mlp.back()->weight.to(dtype), mlp.back()->bias.to(dtype));
      answers.push_back(colours.to(at::kFloat));
    }
  }
  return blend(answers, y, x).permute({0, 3, 1, 2});
}

Tensor LiffImpl::answers(const Tensor& around, const Nearest& y, const Nearest& x, double token_y,
                         double token_x) {
  const Tensor q = around.index_select(2, torch::tensor(y.index)).index_select(3, torch::tensor(x.index));
  const auto plane = [&](const Tensor& values) {
    return values.expand({q.size(0), 1, q.size(2), q.size(3)});
  };
  Tensor v = at::cat({q, plane(torch::tensor(y.offset).view({1, 1, -1, 1})),
                      plane(torch::tensor(x.offset).view({1, 1, 1, -1})),
                      plane(torch::full({1, 1, 1, 1}, token_y)), plane(torch::full({1, 1, 1, 1}, token_x))},
                     1)
                 .permute({0, 2, 3, 1});
  for (size_t i = 0; i < mlp.size(); ++i) {
    v = mlp[i]->forward(v);
    if (i + 1 < mlp.size()) v = at::relu(v);
  }
  if (kind == LiffKind::kLiif) return v;
  const Tensor pixel_weights = v.reshape({v.size(0), v.size(1), v.size(2), unfolded(), 3});
  return (pixel_weights * q.permute({0, 2, 3, 1}).unsqueeze(4)).sum(3);
}

Tensor LiffImpl::plain(const Tensor& below, MapSize target, MapSize token_target) {
  const Tensor around = at::im2col(features(below), {side, side}, {1, 1}, {side / 2, side / 2}, {1, 1})
                            .reshape({below.size(0), unfolded(), below.size(2), below.size(3)});
  const std::vector<Nearest> y = axis_of(kind, rule, below.size(2), target.height),
                             x = axis_of(kind, rule, below.size(3), target.width);
  std::vector<Tensor> answered;
  for (const Nearest& down : y) {
    for (const Nearest& across : x) {
      answered.push_back(answers(around, down, across, 2.0 * below.size(2) / token_target.height,
                                 2.0 * below.size(3) / token_target.width));
    }
  }
  return (kind == LiffKind::kLiff ? answered.front() : blend(answered, y, x)).permute({0, 3, 1, 2});
}

}  // namespace compass::train
