#include "narrow.h"

#include <iostream>

#include "pyramid.h"
#include "transform.h"
#include "weights_file.h"

namespace compass::train {
namespace {

constexpr double kRidge = 1e-4;  // of the mean second moment

bool convolves(const nn::Op& op) {
  return op.kind == nn::OpKind::kConv || op.kind == nn::OpKind::kSubpel;
}

// [B,C,H,W] -> [B*H*W, C*k*k + 1]: what each output of a convolution is a sum over, and 1 for its bias.
Tensor windows(const Tensor& map, int64_t kernel) {
  const Tensor seen = at::im2col(map, {kernel, kernel}, {1, 1}, {kernel / 2, kernel / 2}, {1, 1})
                          .transpose(1, 2)
                          .flatten(0, 1);
  return at::cat({seen, torch::ones({seen.size(0), 1}, seen.options())}, 1).to(at::kDouble);
}

// Sets a convolution of stride 1 so that it makes `wanted` of `seen` as nearly as it can: pairs of maps.
void fit(Conv& conv, const std::vector<Tensor>& seen, const std::vector<Tensor>& wanted) {
  Tensor normal, moments;
  for (size_t i = 0; i < seen.size(); ++i) {
    const Tensor x = windows(seen[i], conv->kernel);
    const Tensor a = at::matmul(x.t(), x), b = at::matmul(x.t(), columns(wanted[i]).to(at::kDouble));
    normal = normal.defined() ? normal + a : a;
    moments = moments.defined() ? moments + b : b;
  }
  normal += kRidge * normal.diagonal().mean() * torch::eye(normal.size(0), normal.options());
  const Tensor solution = at::linalg_solve(normal, moments).t();  // [out, in*k*k + 1]
  const int64_t inputs = solution.size(1) - 1;
  conv->weight.copy_(solution.slice(1, 0, inputs).reshape(conv->weight.sizes()));
  conv->bias.copy_(solution.select(1, inputs));
}

// How much the input channels of a convolution count together: [in,in].
Tensor weights_moment(const Conv& conv) {
  const Tensor w = conv->weight.detach().to(at::kDouble).permute({0, 2, 3, 1}).flatten(0, 2);
  return at::matmul(w.t(), w);
}

// The `count` channels with the highest scores, in their order.
Tensor best(const Tensor& scores, int64_t count) {
  return std::get<0>(at::sort(std::get<1>(at::topk(scores, count))));
}

// From a wide map to a narrow one and back: `down` [n,w], `up` [w,n]. Undefined: as wide.
struct Basis {
  Tensor down, up;
  // Of a map [B,w,H,W].
  Tensor project(const Tensor& map) const {
    if (!down.defined()) return map;
    return at::einsum("nw,bwhv->bnhv", {down.to(map.dtype()), map});
  }
  // Of the first dimension of weights or biases, where each channel has `area` places one after the other.
  Tensor rows(const Tensor& weights, int64_t area = 1) const {
    if (!down.defined()) return weights;
    std::vector<int64_t> shape = weights.sizes().vec();
    shape[0] = down.size(0) * area;
    return at::matmul(down.to(weights.dtype()), weights.reshape({down.size(1), -1})).reshape(shape);
  }
};

class Narrowing {
 public:
  Narrowing(Network& network, Network& wide, const std::vector<SynthesisInput>& inputs)
      : network_(network), wide_(wide), inputs_(inputs) {
    for (const SynthesisInput& input : inputs) {
      seen_.push_back(input.map);
      kept_.push_back(input.map);
      sizes_.push_back(synthesis_sizes(wide->mirror, wide->specs, input.size));
    }
  }

  void run() {
    for (size_t i = 0; i < network_->ops.size(); ++i) {
      const nn::Op& to = network_->specs[i];
      const nn::Op& from = wide_->specs[i];
      TORCH_CHECK(
          to.kind == from.kind && to.kernel == from.kernel && to.factor == from.factor && to.act == from.act,
          "narrowing: op ", i, " is another one in the file");
      switch (to.kind) {
        case nn::OpKind::kConv:
        case nn::OpKind::kSubpel:
          TORCH_CHECK(to.stride == 1, "narrowing: op ", i, " has a stride");
          convolution(i);
          break;
        case nn::OpKind::kRes:
          residual_block(i);
          break;
        case nn::OpKind::kCondition:
          network_->ops[i]->conv->weight.copy_(basis_.rows(wide_->ops[i]->conv->weight));
          network_->ops[i]->conv->bias.copy_(basis_.rows(wide_->ops[i]->conv->bias));
          break;
        default:
          TORCH_CHECK(to.in == from.in && !basis_.down.defined(), "narrowing: op ", i, " cannot be narrowed");
          copy(i);
      }
      for (size_t e = 0; e < inputs_.size(); ++e) {
        seen_[e] = step(wide_, i, e, seen_[e]);
        kept_[e] = step(network_, i, e, kept_[e]);
      }
    }
  }

 private:
  Tensor step(Network& network, size_t op, size_t example, const Tensor& map) const {
    return crop_to(network->ops[op](map, inputs_[example].pass), sizes_[example][op + 1]);
  }

  void copy(size_t i) {
    for (auto& item : network_->ops[i]->named_parameters()) {
      item.value().copy_(wide_->ops[i]->named_parameters()[item.key()]);
    }
  }

  // The basis of the maps from op i's output to the next convolution's input.
  Basis basis_from(size_t i) {
    const int64_t narrow = network_->specs[i].out, wide = wide_->specs[i].out;
    if (narrow == wide) return {};
    size_t end = i + 1;
    while (end < wide_->specs.size() && !convolves(wide_->specs[end])) ++end;
    TORCH_CHECK(end < wide_->specs.size(), "narrowing: the channels at a network's end must stay");
    Tensor moment = torch::zeros({wide, wide}, at::kDouble);
    for (size_t e = 0; e < inputs_.size(); ++e) {
      Tensor map = seen_[e];
      for (size_t op = i; op < end; ++op) {
        map = step(wide_, op, e, map);
        const Tensor x = columns(map).to(at::kDouble);
        moment += at::matmul(x.t(), x) / static_cast<double>(x.size(0));
      }
    }
    const Tensor metric = weights_moment(wide_->ops[end]->conv);
    if (network_->specs[i].act != nn::Act::kNone) {
      const Tensor chosen = best(moment.diagonal() * metric.diagonal(), narrow);
      const Tensor down = torch::eye(wide, at::kDouble).index_select(0, chosen);
      return {down, down.t()};
    }
    const Tensor steadied = metric + kRidge * metric.diagonal().mean() * torch::eye(wide, metric.options());
    const auto [values, vectors] = at::linalg_eigh(steadied);
    const Tensor root = at::matmul(vectors * at::sqrt(values), vectors.t());
    const Tensor inverse = at::matmul(vectors * at::rsqrt(values), vectors.t());
    const Tensor axes = std::get<1>(at::linalg_eigh(at::matmul(root, at::matmul(moment, root))))
                            .slice(1, wide - narrow, wide);  // the largest come last
    return {at::matmul(axes.t(), root), at::matmul(inverse, axes)};
  }

  void convolution(size_t i) {
    Op& to = network_->ops[i];
    Op& from = wide_->ops[i];
    const Basis next = basis_from(i);
    // A sub-pixel convolution makes the places of a channel one after the other.
    const int64_t area = int64_t{to->spec.factor} * to->spec.factor;
    if (!basis_.down.defined()) {
      to->conv->weight.copy_(next.rows(from->conv->weight, area));
      to->conv->bias.copy_(next.rows(from->conv->bias, area));
    } else {
      std::vector<Tensor> wanted;
      for (const Tensor& map : seen_) {
        wanted.push_back(next.rows(from->conv(map).transpose(0, 1), area).transpose(0, 1));
      }
      fit(to->conv, kept_, wanted);
    }
    basis_ = next;
  }

  void residual_block(size_t i) {
    Op& to = network_->ops[i];
    Op& from = wide_->ops[i];
    if (!basis_.down.defined() && to->spec.hidden == from->spec.hidden) return copy(i);
    Tensor energy = torch::zeros({from->spec.hidden}, at::kDouble);
    std::vector<Tensor> wanted, hidden;
    for (const Tensor& map : seen_) {
      const Tensor inside = activate(from->conv1(map), from->spec.act);
      energy += at::square(inside).to(at::kDouble).mean(std::vector<int64_t>{0, 2, 3});
      wanted.push_back(basis_.project(from->conv2(inside)));
    }
    const Tensor weight = weights_moment(from->conv2).diagonal();
    const Tensor chosen = best(energy * weight, to->spec.hidden);
    Tensor first = from->conv1->weight.index_select(0, chosen);
    if (basis_.up.defined()) {
      first = at::einsum("owkl,wn->onkl", {first, basis_.up.to(first.dtype())});
    }
    to->conv1->weight.copy_(first);
    to->conv1->bias.copy_(from->conv1->bias.index_select(0, chosen));
    for (const Tensor& map : kept_) hidden.push_back(activate(to->conv1(map), to->spec.act));
    fit(to->conv2, hidden, wanted);
  }

  Network& network_;
  Network& wide_;
  const std::vector<SynthesisInput>& inputs_;
  std::vector<std::vector<MapSize>> sizes_;
  std::vector<Tensor> seen_, kept_;  // the wide network's maps, and the narrow one's
  Basis basis_;                      // of kept_ in seen_
};

// The mean squared difference of what two networks make, over the mean square of the first's.
double difference(Network& wide, Network& network, const std::vector<SynthesisInput>& inputs) {
  double error = 0.0, all = 0.0;
  for (const SynthesisInput& input : inputs) {
    const Tensor wanted = wide->synthesise(input.map, input.pass, input.size);
    error +=
        at::square(network->synthesise(input.map, input.pass, input.size) - wanted).mean().item<double>();
    all += at::square(wanted).mean().item<double>();
  }
  return error / all;
}

// The wide network, if the file has one.
Network wide_network(const Network& network, const Safetensors& file, const std::string& prefix,
                     const std::vector<double>& rate_points) {
  const std::vector<nn::Op> ops = wider_ops(network->specs, file, prefix);
  if (ops.empty()) return nullptr;
  Network wide(ops, network->mirror, static_cast<int64_t>(rate_points.size()));
  for (auto& item : wide->named_parameters()) {
    const std::string name = prefix + "." + item.key();
    const auto found = parameter_in(file, "the weights", name, rate_points);
    TORCH_CHECK(found && found->sizes() == item.value().sizes(), name, ": not as the rest of the file");
    item.value().copy_(*found);
  }
  return wide;
}

void narrow_codec(Codec& codec, const Safetensors& file, const std::string& name,
                  const std::vector<double>& rate_points, const std::vector<Tensor>& pictures,
                  const std::vector<Pass>& passes) {
  const auto replace = [&](Network& network, const char* part, const auto& input_of) {
    const std::string prefix = name + "." + part;
    Network wide = wide_network(network, file, prefix, rate_points);
    if (wide.is_empty()) return;
    std::vector<SynthesisInput> inputs;
    for (size_t i = 0; i < pictures.size(); ++i) inputs.push_back(input_of(pictures[i], passes[i]));
    narrow_network(network, wide, inputs);
    std::cout << prefix << ": narrowed; misses " << 100.0 * difference(wide, network, inputs)
              << " % of what the wide one makes" << std::endl;
  };
  if (!codec->factorised()) {
    replace(codec->h_s, "h_s", [&](const Tensor& picture, const Pass& pass) {
      const Tensor y = codec->analyse(picture, pass);
      return SynthesisInput{at::round(codec->h_a->analyse(y, pass)), pass, {y.size(2), y.size(3)}};
    });
  }
  replace(codec->g_s, "g_s", [&](const Tensor& picture, const Pass& pass) {
    const Tensor y_hat = codec->code(codec->analyse(picture, pass), pass, Quantisation::kRounding).y_hat;
    return SynthesisInput{y_hat, pass, {picture.size(2), picture.size(3)}};
  });
}

bool is_wider(const Codec& codec, const Safetensors& file, const std::string& name) {
  if (codec.is_empty()) return false;
  const bool h_s = !codec->factorised() && !wider_ops(codec->h_s->specs, file, name + ".h_s").empty();
  return h_s || !wider_ops(codec->g_s->specs, file, name + ".g_s").empty();
}

}  // namespace

std::vector<nn::Op> wider_ops(const std::vector<nn::Op>& specs, const Safetensors& file,
                              const std::string& prefix) {
  std::vector<nn::Op> ops = specs;
  bool wider = false;
  for (size_t i = 0; i < ops.size(); ++i) {
    nn::Op& op = ops[i];
    const auto shape = [&](const char* tensor, size_t dimension, int fallback) {
      const TensorView* view = file.find(prefix + "." + std::to_string(i) + "." + tensor);
      if (view == nullptr || view->shape.size() <= dimension) return fallback;
      return static_cast<int>(view->shape[dimension]);
    };
    const int area = op.factor * op.factor;
    if (convolves(op)) {
      op.in = shape("conv.weight", 1, -1);
      op.out = shape("conv.weight", 0, -1) / area;
      if (op.in < 0) return {};
    } else if (op.kind == nn::OpKind::kRes) {
      op.in = op.out = shape("conv1.weight", 1, -1);
      op.hidden = shape("conv1.weight", 0, -1);
      if (op.in < 0) return {};
    } else if (op.kind == nn::OpKind::kCondition) {
      op.out = shape("conv.weight", 0, -1);
      if (op.out < 0) return {};
    }
    wider = wider || op.in > specs[i].in || op.out > specs[i].out || op.hidden > specs[i].hidden;
    if (op.in < specs[i].in || op.out < specs[i].out || op.hidden < specs[i].hidden) return {};
  }
  return wider ? ops : std::vector<nn::Op>{};
}

void narrow_network(Network& network, Network& wide, const std::vector<SynthesisInput>& inputs) {
  const torch::NoGradGuard guard;
  Narrowing(network, wide, inputs).run();
}

void narrow(System& system, const Safetensors& file, const std::vector<Picture>& pictures,
            const WidenExamples& examples, std::mt19937_64& random) {
  // Most weights are as wide as the system: nothing is drawn or run for them.
  const bool enhancement = is_wider(system->enhancement, file, "enhancement");
  if (!enhancement && !is_wider(system->base, file, "base")) return;
  const torch::NoGradGuard guard;
  const torch::Device device = system->base->parameters().front().device();
  system->to(torch::kCPU);
  const std::vector<double>& points = system->rate_points;
  std::vector<Tensor> small, large;
  std::vector<Pass> base_passes, passes;
  for (int64_t i = 0; i < examples.batches; ++i) {
    const Tensor top = random_patches(pictures, examples.batch, {2 * examples.side, 3.0}, random);
    small.push_back(resize_bicubic(top, examples.side, examples.side));
    large.push_back(top);
    const Tensor rate = at::arange(examples.batch, at::kFloat) * (static_cast<double>(points.size()) - 1.0) /
                        std::max<double>(1.0, static_cast<double>(examples.batch) - 1.0);
    base_passes.push_back({rate, {}, at::kFloat, {}});
    passes.push_back(base_passes.back());
  }
  narrow_codec(system->base, file, "base", points, small, base_passes);
  if (enhancement) {
    for (size_t i = 0; i < large.size(); ++i) {
      const Tensor below = system->base(small[i], base_passes[i], Quantisation::kRounding).x_hat;
      passes[i].prediction = resize_bicubic(below, large[i].size(2), large[i].size(3));
      large[i] = large[i] - passes[i].prediction;
    }
    narrow_codec(system->enhancement, file, "enhancement", points, large, passes);
  }
  system->to(device);
}

}  // namespace compass::train
