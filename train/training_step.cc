// One step of training: pictures, loss, gradients over all workers and processes.
#include <limits>

#include "on_threads.h"
#include "pyramid.h"
#include "trainer.h"

namespace compass::train {
namespace {

// lambda at which a loss has weight 1.
constexpr double kUnitLambda = 0.0067;
// The worker number for random numbers that all workers of a step share.
constexpr int64_t kAllWorkers = std::numeric_limits<int64_t>::min();

// R + lambda D. For stages with a range of rates it is divided by the square root of lambda, with which it
// grows, so that all rates weigh the same.
Tensor cost(const LayerOutput& out, const Tensor& lambda, bool many_rates) {
  const Tensor sum = out.bpp + lambda * (255.0 * 255.0) * out.mse;
  return (many_rates ? sum * at::rsqrt(lambda / kUnitLambda) : sum).mean();
}

}  // namespace

// Every share of every step has random numbers of its own, which follow from the seed, the step and the
// worker's number among all processes: a run neither depends on how threads interleave nor on where it was
// interrupted, and two processes of one worker do what one process of two does. (SplitMix64's finaliser.)
uint64_t Trainer::seed(int64_t step, int64_t worker) const {
  uint64_t x = options_.config.training.seed * 0x9E3779B97F4A7C15ULL;
  for (const int64_t part : {static_cast<int64_t>(stage_), step, worker}) {
    x = mixed(x + static_cast<uint64_t>(part) + 0x9E3779B97F4A7C15ULL);
  }
  return x;
}

int64_t Trainer::number_of(int64_t worker) const {
  return peers_.rank() * static_cast<int64_t>(workers_.size()) + worker;
}

Trainer::Batch Trainer::draw(const Stage& stage, int64_t step, int64_t index) const {
  const auto workers = static_cast<int64_t>(workers_.size());
  std::mt19937_64 random(seed(step, number_of(index)));
  // Sizes of layers are the step's: workers of a step wait for the one with most pixels.
  std::mt19937_64 random_sizes(seed(step, kAllWorkers));
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  const int64_t count = std::max<int64_t>(1, stage.batch / workers);
  const Tensor top = draw_patches(stage, step, index, count, random);
  const auto layer = [&](double ratio) {
    const auto side = std::max<int64_t>(16, std::llround(static_cast<double>(stage.patch) * ratio));
    return side == stage.patch ? top : resize_bicubic(top, side, side);
  };
  Batch batch;
  if (stage.loss == Loss::kPredictionL1) {
    batch.layers = {layer(0.5 + 0.5 * unit(random_sizes)), top};
  } else if (stage.base_only()) {
    batch.layers = {top};
  } else if (stage.sizes == Sizes::kPaper) {
    const double middle = 0.25 + 0.25 * unit(random_sizes), upper = 0.5 + 0.5 * unit(random_sizes);
    batch.layers = {layer(0.25), layer(middle), layer(upper)};
  } else {
    double upper = 2.0, lower = 2.0;
    if (stage.sizes == Sizes::kAny && unit(random_sizes) < 0.5) {
      upper = std::exp(unit(random_sizes) * std::log(3.0));
      lower = std::exp(unit(random_sizes) * std::log(3.0));
    }
    batch.layers = {layer(1.0 / (upper * lower)), layer(1.0 / upper), top};
  }
  if (stage.base_batch > 0) {
    const int64_t more = std::max<int64_t>(1, stage.base_batch / workers);
    batch.base =
        random_patches(dataset_.train, more,
                       {stage.patch / 2, stage.max_shrink + 1.0, stage.own_scale, stage.shares}, random);
  }
  for (auto& map : batch.layers) map = map.to(device_, /*non_blocking=*/true);
  if (batch.base.defined()) batch.base = batch.base.to(device_, /*non_blocking=*/true);
  return batch;
}

Tensor Trainer::draw_patches(const Stage& stage, int64_t step, int64_t index, int64_t count,
                             std::mt19937_64& random) const {
  if (!grid_) {
    const Cropping cropping{stage.patch, stage.max_shrink, stage.own_scale, stage.shares};
    return random_patches(dataset_.train, count, cropping, random);
  }
  // The workers of all processes take turns, so that they never share a patch within an epoch.
  const int64_t workers = peers_.size() * static_cast<int64_t>(workers_.size());
  return grid_->patches((step * workers + number_of(index)) * count, count, seed(0, kAllWorkers));
}

// The n pictures of all workers take the places u, u + 1/n, u + 2/n, ... around the rate axis (of whose
// parts a stage may draw some more often): any one of them is anywhere on it, and no step has low rates only,
// however few its pictures are.
Tensor Trainer::spread_rates(int64_t count, int64_t index, const Tensor& u) const {
  const int64_t workers = peers_.size() * static_cast<int64_t>(workers_.size());
  const Tensor turn =
      at::arange(count, u.options()) / count + static_cast<double>(number_of(index)) / (count * workers);
  return stages()[current()].rate_place(at::frac(turn + u), system_->rate_points.size());
}

// A worker's share of a step; leaves gradients in its parameters.
Tensor Trainer::share(const Stage& stage, Worker& worker, int64_t index) {
  const Batch batch = worker.ahead.valid() ? worker.ahead.get() : draw(stage, step_, index);
  if (options_.cuda && step_ + 1 < stage.steps) {
    worker.ahead = std::async(std::launch::async,
                              [this, stage, index, next = step_ + 1] { return draw(stage, next, index); });
  }
  auto& system = worker.system;
  if (!system->liff.is_empty()) {
    const bool learns = stage.trains_liff_at(step_);
    for (auto& p : system->liff->parameters()) p.requires_grad_(learns);
  }
  worker.noise.set_current_seed(seed(step_, kAllWorkers));
  const Tensor u = at::rand({2}, worker.noise, at::TensorOptions().device(device_));
  worker.noise.set_current_seed(seed(step_, -1 - number_of(index)));
  if (stage.loss == Loss::kPredictionL1) {
    const auto& top = batch.layers.back();
    const Tensor predicted =
        system->predict(batch.layers.front(), {top.size(2), top.size(3)}, Prediction::kLiff, dtype_);
    const Tensor loss = at::abs(predicted - top).mean();
    loss.backward();
    const Tensor mse = at::square(predicted.detach() - top).mean();
    return at::stack({loss.detach(), at::zeros_like(mse), mse}).to(at::kDouble);
  }
  Pass pass{spread_rates(batch.layers.back().size(0), index, u[0]), {}, dtype_, worker.noise};
  const auto outputs = system->forward(batch.layers, pass, stage.prediction, Quantisation::kTraining,
                                       stage.between_layers_at(step_));
  const bool many_rates = system->rate_points.size() > 1;
  Tensor loss = torch::zeros({}, device_);
  for (size_t k = stage.trains("base") ? 0 : 1; k < outputs.size(); ++k) {
    loss = loss + cost(outputs[k], system->lambda(pass.rate), many_rates);
  }
  if (batch.base.defined()) {
    pass.rate = spread_rates(batch.base.size(0), index, u[1]);
    const auto out = system->forward({batch.base}, pass, stage.prediction, Quantisation::kTraining);
    loss = loss + cost(out[0], system->lambda(pass.rate), many_rates);
  }
  loss.backward();
  std::vector<Tensor> values = {loss.detach()};
  for (const auto& out : outputs) {
    values.push_back(out.bpp.detach().mean());
    values.push_back(out.mse.detach().mean());
  }
  return at::stack(values).to(at::kDouble);
}

Trainer::StepLog Trainer::step(const Stage& stage, Optimiser& optimiser, bool want_stop) {
  const auto count = static_cast<int64_t>(workers_.size());
  std::vector<Tensor> values(count);
  on_threads(count, [&](int64_t i) {
    for (auto& p : workers_[i].system->parameters()) p.mutable_grad() = Tensor();
    values[i] = share(stage, workers_[i], i);
  });
  StepLog log;
  for (const auto& v : values) {
    const Tensor finite = at::isfinite(v).all();
    const Tensor kept = at::where(finite, v, at::zeros_like(v));
    log.values = log.values.defined() ? log.values + kept : kept;
    log.count = log.count.defined() ? log.count + finite.to(at::kDouble) : finite.to(at::kDouble);
  }
  gather_gradients(log, want_stop);
  log.norm = optimiser.step(stage.rate_at(step_));
  return log;
}

// The mean gradient of all workers of all processes becomes the master's; sums the log and agrees on
// stopping.
void Trainer::gather_gradients(StepLog& log, bool want_stop) {
  const torch::NoGradGuard guard;
  const auto count = static_cast<int64_t>(workers_.size());
  const auto master = system_->parameters();
  on_threads(count, [&](int64_t i) {
    const torch::NoGradGuard guard_here;  // thread-local
    for (size_t p = i; p < master.size(); p += count) {
      Tensor sum;
      for (auto& worker : workers_) {
        Tensor& grad = worker.parameters[p].mutable_grad();
        if (grad.defined()) sum = sum.defined() ? sum.add_(grad) : grad;
      }
      master[p].mutable_grad() = sum.defined() ? sum.div_(static_cast<double>(count)) : sum;
    }
  });
  log.stop = want_stop;
  if (peers_.size() == 1) return;
  // One message: gradients in order, then the log, then the votes to stop.
  std::vector<Tensor> parts;
  for (const auto& p : master) {
    if (p.grad().defined()) parts.push_back(p.grad().reshape(-1));
  }
  parts.push_back(log.values.to(at::kFloat));
  parts.push_back(log.count.reshape(1).to(at::kFloat));
  parts.push_back(at::full({1}, want_stop ? 1.0F : 0.0F, at::TensorOptions().device(device_)));
  Tensor all = at::cat(parts);
  peers_.sum(all);
  int64_t at = 0;
  for (const auto& p : master) {
    if (!p.grad().defined()) continue;
    Tensor grad = p.grad();
    grad.copy_(all.slice(0, at, at + grad.numel()).view(grad.sizes()).div(peers_.size()));
    at += grad.numel();
  }
  const int64_t values = log.values.numel();
  log.values = all.slice(0, at, at + values).to(at::kDouble);
  log.count = all.select(0, at + values).to(at::kDouble);
  log.stop = all.select(0, at + values + 1).item<float>() > 0.0F;
}

}  // namespace compass::train
