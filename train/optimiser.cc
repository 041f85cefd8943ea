#include "optimiser.h"

#include <atomic>
#include <cmath>
#include <future>

namespace compass::train {
namespace {

using torch::Tensor;

// The nearest semi-orthogonal matrix to g, by five steps of Muon's quintic Newton-Schulz iteration,
// x <- q(x x^T) x (coefficients from https://kellerjordan.github.io/posts/muon/). Every x is a polynomial in
// the first one's x x^T, times the first one: that polynomial is found among square matrices, a fifth of the
// work where g is nine times as long as it is wide. Small eigenvalues grow 12-fold a step, errors in them,
// too: TF32's would swallow everything, so that GPUs, which may multiply in it, are asked for doubles.
Tensor orthogonalise(const Tensor& g) {
  const bool tall = g.size(0) > g.size(1);
  const Tensor wide = (tall ? g.t() : g).to(g.is_cuda() ? at::kDouble : at::kFloat);
  const Tensor x = wide / (wide.norm() + 1e-7);
  Tensor gram = at::matmul(x, x.t()), polynomial;
  for (int step = 0; step < 5; ++step) {
    Tensor q = at::add(gram * -4.7750, at::matmul(gram, gram), 2.0315);
    q.diagonal().add_(3.4445);
    if (step < 4) gram = at::matmul(at::matmul(q, gram), q);
    polynomial = step == 0 ? q : at::matmul(q, polynomial);
  }
  const Tensor made = at::matmul(polynomial, x).to(at::kFloat);
  return tall ? made.t() : made;
}

bool is_hidden_kernel(const std::string& name, const Tensor& value) {
  return value.dim() == 4 && value.size(0) >= 24 && value.size(1) >= 24 &&
         name.find("h_scales") == std::string::npos;
}

}  // namespace

Optimiser::Optimiser(const std::vector<std::pair<std::string, Tensor>>& parameters, Options options)
    : options_(options) {
  for (const auto& [name, value] : parameters) {
    Slot slot{name, value, value.detach().clone(), torch::zeros_like(value), {}, false, 1.0};
    if (name.ends_with(".log_gain")) slot.rate = options.gain_rate;
    if (name.find("entropy_bottleneck.") != std::string::npos) slot.rate = options.prior_rate;
    slot.muon = options.muon && is_hidden_kernel(name, value);
    if (!slot.muon) slot.second = torch::zeros_like(value);
    slots_.push_back(std::move(slot));
  }
}

double Optimiser::step(double rate) {
  const torch::NoGradGuard guard;
  std::vector<Tensor> norms;
  for (const auto& slot : slots_) {
    if (slot.value.grad().defined()) norms.push_back(slot.value.grad().norm());
  }
  const double norm = at::stack(norms).norm().item<double>();
  if (!std::isfinite(norm)) return norm;
  ++steps_;
  const double scale = std::min(1.0, options_.clip / (norm + 1e-6));
  const double correct1 = 1.0 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correct2 = 1.0 - std::pow(options_.beta2, static_cast<double>(steps_));
  // Early averages would remember the start: the decay grows with the steps taken.
  const double n = static_cast<double>(steps_);
  const double averaged = n - static_cast<double>(average_start_);
  const double decay = std::min(options_.average, (1.0 + averaged) / (10.0 + averaged));
  const auto update = [&](Slot& slot) {
    const torch::NoGradGuard guard_here;  // thread-local
    if (!slot.value.grad().defined()) return;
    const Tensor grad = slot.value.grad() * scale;
    if (slot.muon) {
      slot.first.mul_(options_.momentum).add_(grad);
      const Tensor ahead = at::add(grad, slot.first, options_.momentum);
      const Tensor rows = ahead.permute({0, 2, 3, 1});  // kernels lie in memory like this: no copy
      const Tensor flat = rows.reshape({rows.size(0), -1});
      // Scaled to the size of Adam's updates, so that one rate serves both (Liu et al., 2025).
      const double size = 0.2 * std::sqrt(static_cast<double>(std::max(flat.size(0), flat.size(1))));
      slot.value.sub_(orthogonalise(flat).reshape(rows.sizes()).permute({0, 3, 1, 2}), rate * size);
    } else {
      slot.first.mul_(options_.beta1).add_(grad, 1.0 - options_.beta1);
      slot.second.mul_(options_.beta2).addcmul_(grad, grad, 1.0 - options_.beta2);
      const Tensor denominator = (slot.second.sqrt() / std::sqrt(correct2)).add_(options_.epsilon);
      slot.value.addcdiv_(slot.first, denominator, -rate * slot.rate / correct1);
    }
    slot.average.lerp_(slot.value, 1.0 - decay);
  };
  std::atomic<size_t> next{0};
  const auto work = [&] {
    at::set_num_threads(1);
    for (size_t i = next++; i < slots_.size(); i = next++) update(slots_[i]);
  };
  std::vector<std::future<void>> helpers;
  for (int i = 1; i < options_.threads; ++i) helpers.push_back(std::async(std::launch::async, work));
  work();
  for (auto& helper : helpers) helper.get();
  return norm;
}

void Optimiser::swap_average() {
  const torch::NoGradGuard guard;
  for (auto& slot : slots_) {
    const Tensor held = slot.value.detach().clone();
    slot.value.copy_(slot.average);
    slot.average.copy_(held);
  }
}

std::vector<std::pair<std::string, Tensor>> Optimiser::state() const {
  std::vector<std::pair<std::string, Tensor>> all;
  all.emplace_back("optimiser.steps", torch::tensor(steps_, torch::kLong));
  all.emplace_back("optimiser.average_start", torch::tensor(average_start_, torch::kLong));
  for (const auto& slot : slots_) {
    all.emplace_back("average." + slot.name, slot.average);
    all.emplace_back("first." + slot.name, slot.first);
    if (!slot.muon) all.emplace_back("second." + slot.name, slot.second);
  }
  return all;
}

void Optimiser::load(const std::function<bool(const std::string&, Tensor&)>& find) {
  const torch::NoGradGuard guard;
  Tensor found;
  if (find("optimiser.steps", found)) steps_ = found.item<int64_t>();
  // A parameter that is fresh, in a run that is not, starts the averages again: they would contain its random
  // start.
  bool fresh = false;
  const auto restore = [&](const std::string& name, Tensor& into) {
    if (find(name, found) && found.sizes() == into.sizes())
      into.copy_(found);
    else
      fresh = true;
  };
  for (auto& slot : slots_) {
    slot.average.copy_(slot.value);
    restore("average." + slot.name, slot.average);
    restore("first." + slot.name, slot.first);
    if (!slot.muon) restore("second." + slot.name, slot.second);
  }
  if (find("optimiser.average_start", found)) average_start_ = found.item<int64_t>();
  if (fresh && steps_ > 0) average_start_ = steps_;
}

}  // namespace compass::train
