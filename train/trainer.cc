#include "trainer.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <iostream>

#include "linear_start.h"
#include "processor.h"

namespace compass::train {
namespace {

constexpr double kShowEvery = 20.0;  // seconds

volatile std::sig_atomic_t stop_requested = 0;  // set by the signal handler, which can be given nothing else
void request_stop(int) {
  stop_requested = 1;
}

torch::Device device_of(const RunOptions& options, const Peers& peers) {
  if (!options.cuda) return torch::kCPU;
  TORCH_CHECK(torch::cuda::is_available(), "--cuda: this machine or this LibTorch has no CUDA device");
  const auto devices = static_cast<int>(torch::cuda::device_count());
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(peers.local_rank() % devices)};
}

}  // namespace

Trainer::Trainer(RunOptions options, Peers peers)
    : options_(std::move(options)), peers_(std::move(peers)), device_(device_of(options_, peers_)) {
  const TrainingConfig& training = options_.config.training;
  dtype_ = training.bf16 ? at::kBFloat16 : at::kFloat;
  if (dtype_ == at::kBFloat16 && !options_.cuda && !multiplies_bf16()) {
    dtype_ = at::kFloat;
    if (peers_.first()) std::cout << "this processor has no bf16 products: training in f32\n";
  }
  at::set_num_threads(1);
  keep_products_on_their_threads();
  keep_freed_memory();
  torch::manual_seed(training.seed);
  system_ = System(options_.config.model, options_.config.mei);
  check_modules(*system_, training.eight_bits);
  system_->to(device_);
  make_workers();
  read_stage_models();
  dataset_ = load_dataset(options_.data, training.validation_pictures);
  std::filesystem::create_directories(options_.out);
  if (load()) {
    if (peers_.first()) std::cout << "resumed: stage " << stage_ << " step " << step_ << "\n";
  } else if (training.start == Start::kLinear) {
    std::mt19937_64 random(seed(0, 0));
    start_linear(system_, dataset_.train, random);
  }
  peers_.broadcast(system_->parameters());
  prepare_stage();
}

size_t Trainer::current() const {
  return std::min(stage_, stages().size() - 1);
}

int64_t Trainer::global_step() const {
  int64_t before = 0;
  for (size_t i = 0; i < stage_; ++i) before += stages()[i].steps;
  return before + step_;
}

double Trainer::elapsed() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

void Trainer::make_workers() {
  for (int i = 0; i < (options_.cuda ? 1 : options_.threads); ++i) {
    Worker worker;
    worker.system = System(options_.config.model, options_.config.mei);
    worker.system->to(device_);
    worker.parameters = worker.system->parameters();
    const auto shared = system_->parameters();
    for (size_t p = 0; p < shared.size(); ++p) worker.parameters[p].set_data(shared[p].data());
    worker.noise = options_.cuda ? at::globalContext().defaultGenerator(device_).clone()
                                 : at::detail::createCPUGenerator();
    workers_.push_back(std::move(worker));
  }
}

std::vector<std::pair<std::string, Tensor>> Trainer::trained_parameters(const Stage& stage) {
  std::vector<std::pair<std::string, Tensor>> chosen;
  for (auto& item : system_->named_parameters()) {
    const bool trained = stage.trains(item.key().substr(0, item.key().find('.')));
    item.value().requires_grad_(trained);
    for (auto& worker : workers_) worker.system->named_parameters()[item.key()].requires_grad_(trained);
    if (trained) chosen.emplace_back(item.key(), item.value());
  }
  return chosen;
}

void Trainer::run() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  start_ = std::chrono::steady_clock::now();
  steps_done_ = 0;
  stop_requested = 0;
  if (peers_.first()) log_ = RunLog(options_.out);
  while (stage_ < stages().size()) {
    const Stage& stage = stages()[stage_];
    prepare_stage();
    train_stage(stage);
    if (step_ < stage.steps) return;  // stopped before its end, checkpoint written
    ++stage_;
    step_ = 0;
  }
  save(nullptr);
}

void Trainer::read_stage_models() {
  const bool layered = !system_->enhancement.is_empty();
  for (const Stage& stage : stages()) {
    const std::string& path = stage.loop_filter;
    filters_.push_back(path.empty() ? LayerFilters{} : LayerFilters::of_model(path, layered, device_));
    quantisers_.push_back(stage.quantiser.empty()
                              ? LayerQuantisers{}
                              : LayerQuantisers::of_model(stage.quantiser, system_->description));
  }
}

void Trainer::prepare_stage() {
  const auto prepare = [&](System& system) {
    system->filters = filters_[current()];
    system->base->quantiser = quantisers_[current()].base;
    if (!system->enhancement.is_empty()) system->enhancement->quantiser = quantisers_[current()].enhancement;
    system->search_rounds = stages()[current()].search;
  };
  prepare(system_);
  for (Worker& worker : workers_) prepare(worker.system);
  const Stage& stage = stages()[current()];
  grid_.reset();
  if (stage.crops == Crops::kGrid) {
    grid_.emplace(dataset_.train, stage.patch);
    TORCH_CHECK(grid_->count() > 0, options_.data, ": no picture holds a patch of ", stage.patch, "x",
                stage.patch, ", which stage '", stage.name, "' takes");
    if (peers_.first()) {
      std::cout << "stage " << stage.name << ": " << grid_->count() << " patches of " << stage.patch << "x"
                << stage.patch << " from " << dataset_.train.size() << " pictures\n";
    }
  }
}

void Trainer::train_stage(const Stage& stage) {
  const TrainingConfig& training = options_.config.training;
  Optimiser::Options o;
  o.muon = stage.optimiser == OptimiserKind::kMuon;
  o.threads = static_cast<int>(workers_.size());
  o.average = training.average;
  o.gain_rate = stage.gain_rate;
  o.prior_rate = stage.prior_rate;
  Optimiser optimiser(trained_parameters(stage), o);
  optimiser.load([&](const std::string& name, Tensor& value) {
    for (const auto& [key, tensor] : loaded_) {
      if (key == name) return value = tensor, true;
    }
    return false;
  });
  loaded_.clear();
  double shown = elapsed(), saved = shown, validated = shown;
  int64_t shown_step = step_;
  Tensor values, count;
  double norm = 0.0;
  const auto show = [&] {
    const double now = elapsed(), finite = count.item<double>();
    const Tensor mean = (values / std::max(finite, 1.0)).to(at::kCPU, at::kDouble);
    const auto* m = mean.data_ptr<double>();
    const double steps = static_cast<double>(step_ - shown_step);
    Progress p{stage.name, step_, stage.steps, global_step(), seconds_ + now};
    p.loss = m[0];
    p.norm = norm / steps;
    p.rate = stage.rate_at(step_ - 1);
    for (int64_t k = 1; k < mean.numel(); k += 2) p.bpp.push_back(m[k]), p.psnr.push_back(decibels(m[k + 1]));
    p.patches_per_second = steps * static_cast<double>(stage.batch * peers_.size()) / (now - shown);
    p.seconds_left = static_cast<double>(stage.steps - step_) * (now - shown) / steps;
    if (options_.max_seconds > 0) p.seconds_left = std::min(p.seconds_left, options_.max_seconds - now);
    if (peers_.first()) std::cout << progress_line(p) << std::endl;
    log_.write(p);
    shown = now;
    shown_step = step_;
    values = count = Tensor();
    norm = 0.0;
  };
  const auto validate_average = [&] {
    optimiser.swap_average();
    if (peers_.first()) validate();
    optimiser.swap_average();
    validated = elapsed();
  };
  while (step_ < stage.steps) {
    const bool out_of_time = (options_.max_seconds > 0 && elapsed() > options_.max_seconds) ||
                             (options_.max_steps > 0 && steps_done_ + 1 >= options_.max_steps);
    const StepLog log = step(stage, optimiser, out_of_time || stop_requested != 0);
    ++step_;
    ++steps_done_;
    values = values.defined() ? values + log.values : log.values;
    count = count.defined() ? count + log.count : log.count;
    norm += std::isfinite(log.norm) ? log.norm : 0.0;
    const bool stop = log.stop || step_ == stage.steps;
    if (stop || elapsed() - shown > kShowEvery) show();
    if (log.stop || elapsed() - saved > training.checkpoint_seconds) {
      save(&optimiser);
      saved = elapsed();
    }
    if (log.stop || elapsed() - validated > training.validate_seconds) validate_average();
    if (log.stop) return;
  }
  // A stage hands on its averaged weights.
  optimiser.swap_average();
  if (peers_.first()) validate();
}

}  // namespace compass::train
