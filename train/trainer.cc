#include "trainer.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <sstream>

#include "export.h"
#include "model/safetensors.h"
#include "pyramid.h"

namespace compass::train {
namespace fs = std::filesystem;

struct Trainer::Stage {
  std::string name;
  std::vector<std::string> parts;
  Prediction prediction = Prediction::kBicubic;
  int64_t steps = 0, batch = 8, base_batch = 0, patch = 256;
  double rate = 5e-4;
  int64_t warmup = 0;
  std::string decay;
  bool muon = false;
  double max_shrink = 3.0;
};

struct Trainer::StepLog {
  double loss = 0.0, norm = 0.0;
  std::vector<double> bpp, psnr;
};

namespace {

double psnr(double mse) {
  return -10.0 * std::log10(std::max(mse, 1e-10));
}

// Runs body(0..count-1), each on a thread of its own, and rethrows the first exception.
void on_threads(int64_t count, const std::function<void(int64_t)>& body) {
  std::vector<std::future<void>> running;
  for (int64_t i = 0; i < count; ++i)
    running.push_back(std::async(std::launch::async, [&body, i] {
      at::set_num_threads(1);  // OpenMP counts per thread
      body(i);
    }));
  for (auto& r : running) r.get();
}

// Writes the whole file or leaves what was there.
void write_file(const std::string& path, const std::vector<uint8_t>& bytes) {
  std::ofstream file(path + ".tmp", std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  TORCH_CHECK(file, "cannot write ", path);
  fs::rename(path + ".tmp", path);
}

volatile std::sig_atomic_t stop_requested = 0;
void request_stop(int) {
  stop_requested = 1;
}

}  // namespace

Trainer::Trainer(RunOptions options)
    : options_(std::move(options)), device_(options_.cuda ? torch::kCUDA : torch::kCPU) {
  const auto& training = options_.config.at("training");
  dtype_ = training.value("precision", "f32") == "bf16" ? at::kBFloat16 : at::kFloat;
  at::set_num_threads(1);
  const auto seed = training.value("seed", uint64_t{1});
  torch::manual_seed(seed);
  system_ = System(options_.config.at("model"));
  system_->to(device_);
  make_workers(seed);
  dataset_ = load_dataset(options_.data, training.value("validation_pictures", 24));
  fs::create_directories(options_.out);
  if (load()) std::cout << "resumed: stage " << stage_ << " step " << step_ << "\n";
}

Trainer::Stage Trainer::stage(size_t index) const {
  const auto& s = options_.config.at("training").at("stages").at(index);
  Stage stage;
  stage.name = s.at("name");
  stage.parts = s.at("train").get<std::vector<std::string>>();
  stage.prediction = s.value("prediction", "bicubic") == "liff" ? Prediction::kLiff : Prediction::kBicubic;
  stage.steps = s.at("steps");
  stage.batch = s.value("batch", 8);
  stage.base_batch = s.value("base_batch", 0);
  stage.patch = s.value("patch", 256);
  stage.rate = s.value("rate", 5e-4);
  stage.warmup = s.value("warmup", 0);
  stage.decay = s.value("decay", "constant");
  stage.muon = s.value("optimiser", "adam") == "muon";
  stage.max_shrink = s.value("max_shrink", 3.0);
  return stage;
}

std::vector<std::pair<std::string, Tensor>> Trainer::trained_parameters(const Stage& stage) {
  std::vector<std::pair<std::string, Tensor>> chosen;
  for (auto& item : system_->named_parameters()) {
    const std::string part = item.key().substr(0, item.key().find('.'));
    const bool trained = std::find(stage.parts.begin(), stage.parts.end(), part) != stage.parts.end();
    item.value().requires_grad_(trained);
    for (auto& worker : workers_) worker.system->named_parameters()[item.key()].requires_grad_(trained);
    if (trained) chosen.emplace_back(item.key(), item.value());
  }
  return chosen;
}

double Trainer::rate_at(const Stage& stage) const {
  const double warm = stage.warmup > 0 ? std::min(1.0, (step_ + 1.0) / stage.warmup) : 1.0;
  const double part = static_cast<double>(step_) / static_cast<double>(stage.steps);
  double factor = 1.0;
  if (stage.decay == "cosine") factor = 0.5 * (1.0 + std::cos(M_PI * part));
  if (stage.decay == "linear") factor = 1.0 - part;
  if (stage.decay == "halve3") factor = std::pow(0.5, std::floor(part * 3.0));
  return stage.rate * warm * std::max(factor, 0.01);
}

void Trainer::make_workers(uint64_t seed) {
  for (int i = 0; i < (options_.cuda ? 1 : options_.threads); ++i) {
    Worker worker;
    worker.system = System(options_.config.at("model"));
    worker.system->to(device_);
    const auto own = worker.system->parameters();
    const auto shared = system_->parameters();
    for (size_t p = 0; p < own.size(); ++p) own[p].set_data(shared[p].data());
    worker.parameters = own;
    worker.random.seed(seed * 1000 + i);
    worker.generator = options_.cuda ? at::globalContext().defaultGenerator(device_).clone()
                                     : at::detail::createCPUGenerator(seed * 1000 + i);
    workers_.push_back(std::move(worker));
  }
}

std::vector<Tensor> Trainer::sample_layers(const Stage& stage, Worker& worker, int64_t batch) {
  const Tensor top =
      random_patches(dataset_.train, batch, stage.patch, stage.max_shrink, worker.random).to(device_);
  // Half the batches are the usual 1/4, 1/2, 1; the rest have any ratios from 1 to 3.
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  double upper = 2.0, lower = 2.0;
  if (unit(worker.random) < 0.5) {
    upper = std::exp(unit(worker.random) * std::log(3.0));
    lower = std::exp(unit(worker.random) * std::log(3.0));
  }
  const auto side = [&](double ratio) {
    return std::max<int64_t>(16, std::llround(static_cast<double>(stage.patch) / ratio));
  };
  const int64_t middle = side(upper), bottom = side(upper * lower);
  return {resize_bicubic(top, bottom, bottom), resize_bicubic(top, middle, middle), top};
}

Trainer::StepLog Trainer::work(const Stage& stage, Worker& worker, int64_t batch, int64_t base_batch) {
  auto& system = worker.system;
  const double last_rate = static_cast<double>(system->rate_points.size()) - 1.0;
  const auto random_rates = [&](int64_t count) {
    return at::rand({count}, worker.generator, at::TensorOptions().device(device_)) * last_rate;
  };
  // R + lambda D grows about as the square root of lambda: divide, so that every rate weighs alike.
  const auto cost = [](const LayerOutput& out, const Tensor& lambda) {
    return ((out.bpp + lambda * (255.0 * 255.0) * out.mse) * at::rsqrt(lambda / 0.0067)).mean();
  };
  Pass pass{random_rates(batch), {}, dtype_, worker.generator};
  const auto outputs =
      system->forward(sample_layers(stage, worker, batch), pass, stage.prediction, Quantisation::kTraining);
  Tensor loss = torch::zeros({}, device_);
  for (const auto& out : outputs) loss = loss + cost(out, system->lambda(pass.rate));
  if (base_batch > 0) {
    const Tensor extra =
        random_patches(dataset_.train, base_batch, stage.patch / 2, 4.0, worker.random).to(device_);
    pass.rate = random_rates(base_batch);
    const auto out = system->forward({extra}, pass, stage.prediction, Quantisation::kTraining);
    loss = loss + cost(out[0], system->lambda(pass.rate));
  }
  loss.backward();
  StepLog log;
  log.loss = loss.item<double>();
  for (const auto& out : outputs) {
    log.bpp.push_back(out.bpp.mean().item<double>());
    log.psnr.push_back(psnr(out.mse.mean().item<double>()));
  }
  return log;
}

Trainer::StepLog Trainer::step(const Stage& stage, Optimiser& optimiser) {
  const auto count = static_cast<int64_t>(workers_.size());
  std::vector<StepLog> logs(count);
  on_threads(count, [&](int64_t i) {
    for (auto& p : workers_[i].system->parameters()) p.mutable_grad() = Tensor();
    logs[i] = work(stage, workers_[i], stage.batch / count, stage.base_batch / count);
  });
  const auto master = system_->parameters();
  on_threads(count, [&](int64_t i) {
    const torch::NoGradGuard guard;
    for (size_t p = i; p < master.size(); p += count) {
      Tensor sum;
      for (auto& worker : workers_) {
        Tensor& grad = worker.parameters[p].mutable_grad();
        if (grad.defined()) sum = sum.defined() ? sum.add_(grad) : grad;
      }
      master[p].mutable_grad() = sum.defined() ? sum.div_(static_cast<double>(count)) : sum;
    }
  });
  StepLog mean = logs[0];
  for (int64_t i = 1; i < count; ++i) {
    mean.loss += logs[i].loss;
    for (size_t k = 0; k < mean.bpp.size(); ++k)
      mean.bpp[k] += logs[i].bpp[k], mean.psnr[k] += logs[i].psnr[k];
  }
  const double n = static_cast<double>(count);
  mean.loss /= n;
  for (size_t k = 0; k < mean.bpp.size(); ++k) mean.bpp[k] /= n, mean.psnr[k] /= n;
  mean.norm = optimiser.step(rate_at(stage));
  return mean;
}

void Trainer::run() {
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const auto& training = options_.config.at("training");
  const double save_every = training.value("checkpoint_seconds", 300.0);
  const double validate_every = training.value("validate_seconds", 900.0);
  std::ofstream csv(options_.out + "/log.csv", std::ios::app);
  const size_t stages = training.at("stages").size();
  double saved = 0.0, validated = 0.0;
  const double before = seconds_;
  int64_t done = 0;

  for (; stage_ < stages && !stop_requested; ++stage_, step_ = 0) {
    const Stage current = stage(stage_);
    Optimiser::Options o;
    o.muon = current.muon;
    o.threads = static_cast<int>(workers_.size());
    o.average = training.value("average", 0.999);
    Optimiser optimiser(trained_parameters(current), o);
    optimiser.load([&](const std::string& name, Tensor& value) {
      for (const auto& [key, tensor] : loaded_) {
        if (key == name) return value = tensor, true;
      }
      return false;
    });
    loaded_.clear();
    double shown = elapsed();
    int64_t shown_step = step_;
    StepLog sum;
    int summed = 0;
    while (step_ < current.steps) {
      const StepLog log = step(current, optimiser);
      ++step_;
      if (std::isfinite(log.loss)) {
        sum.loss += log.loss;
        sum.norm += log.norm;
        sum.bpp.resize(log.bpp.size());
        sum.psnr.resize(log.bpp.size());
        for (size_t k = 0; k < log.bpp.size(); ++k) sum.bpp[k] += log.bpp[k], sum.psnr[k] += log.psnr[k];
        ++summed;
      }
      const double now = elapsed();
      seconds_ = before + now;
      if ((now - shown > 20.0 || step_ == current.steps) && summed > 0) {
        std::ostringstream line;
        const double speed = static_cast<double>((step_ - shown_step) * current.batch) / (now - shown);
        line << std::fixed << std::setprecision(0) << seconds_ << " s  " << current.name << " " << step_
             << "/" << current.steps << std::setprecision(4) << "  loss " << sum.loss / summed << "  grad "
             << std::setprecision(2) << sum.norm / summed;
        for (size_t k = 0; k < sum.bpp.size(); ++k) {
          line << "  " << std::setprecision(3) << sum.bpp[k] / summed << "/" << std::setprecision(2)
               << sum.psnr[k] / summed;
        }
        line << "  " << std::setprecision(1) << speed << " patches/s";
        std::cout << line.str() << std::endl;
        csv << line.str() << std::endl;
        shown = now;
        shown_step = step_;
        sum = {};
        summed = 0;
      }
      ++done;
      const bool out_of_time = (options_.max_seconds > 0 && now > options_.max_seconds) ||
                               (options_.max_steps > 0 && done >= options_.max_steps);
      if (now - validated > validate_every) {
        optimiser.swap_average();
        validate();
        optimiser.swap_average();
        validated = elapsed();
      }
      if (now - saved > save_every || out_of_time || stop_requested) {
        save(&optimiser);
        saved = elapsed();
      }
      if (out_of_time || stop_requested) {
        optimiser.swap_average();
        validate();
        return;
      }
    }
    // A stage hands on its averaged weights.
    optimiser.swap_average();
    validate();
  }
  save(nullptr);
}

void Trainer::validate() {
  const torch::NoGradGuard guard;
  const Prediction prediction =
      stage(std::min(stage_, options_.config["training"]["stages"].size() - 1)).prediction;
  std::ofstream csv(options_.out + "/validation.csv", std::ios::app);
  for (size_t p = 0; p < system_->rate_points.size(); ++p) {
    std::vector<double> bpp(3), db(3);
    double total = 0.0;
    for (const auto& picture : dataset_.validation) {
      const int64_t side = std::min<int64_t>(512, std::min(picture.pixels.size(1), picture.pixels.size(2)));
      const int64_t y = (picture.pixels.size(1) - side) / 2, x = (picture.pixels.size(2) - side) / 2;
      const Tensor top = (picture.pixels.slice(1, y, y + side).slice(2, x, x + side).to(at::kFloat) / 255.0)
                             .unsqueeze(0)
                             .to(device_);
      const std::vector<Tensor> layers = {resize_bicubic(top, side / 4, side / 4).clamp(0, 1),
                                          resize_bicubic(top, side / 2, side / 2).clamp(0, 1), top};
      const Tensor rate = torch::full({1}, static_cast<double>(p), device_);
      const auto outs = system_->forward(layers, {rate, {}, dtype_, {}}, prediction, Quantisation::kRounding);
      for (size_t k = 0; k < 3; ++k) {
        const double own = outs[k].bpp.item<double>();
        const double mse =
            at::square(outs[k].reconstruction.clamp(0, 1) - outs[k].original).mean().item<double>();
        bpp[k] += own;
        db[k] += psnr(mse);
        total += own * static_cast<double>(layers[k].size(2) * layers[k].size(3)) / (side * side);
      }
    }
    const double n = static_cast<double>(dataset_.validation.size());
    std::ostringstream line;
    line << std::fixed << "validation," << std::setprecision(0) << seconds_ << "," << stage_ << "," << step_
         << "," << std::setprecision(4) << system_->rate_points[p] << "," << total / n;
    for (size_t k = 0; k < 3; ++k) {
      line << "," << std::setprecision(4) << bpp[k] / n << "," << std::setprecision(3) << db[k] / n;
    }
    std::cout << line.str() << std::endl;
    csv << line.str() << std::endl;
  }
}

void Trainer::use_average() {
  const torch::NoGradGuard guard;
  auto parameters = system_->named_parameters();
  for (const auto& [name, value] : loaded_) {
    if (name.rfind("average.", 0) != 0) continue;
    if (auto* parameter = parameters.find(name.substr(8))) parameter->copy_(value);
  }
}

void Trainer::export_to(const std::string& path) {
  use_average();
  write_file(path, export_model(*system_, {{"data", options_.config["training"].value("data", "")},
                                           {"stage", stage_},
                                           {"steps", step_},
                                           {"hours", std::round(seconds_ / 36.0) / 100.0},
                                           {"seed", options_.config["training"].value("seed", 1)}}));
}

void Trainer::save_weights(const std::string& path) {
  use_average();
  SafetensorsWriter file;
  for (const auto& item : system_->named_parameters()) {
    const Tensor flat = item.value().detach().to(at::kCPU).contiguous();
    const std::span<const float> values(flat.data_ptr<float>(), static_cast<size_t>(flat.numel()));
    file.add_floats(item.key(), flat.sizes().vec(), values, flat.dim() == 4 ? DType::kF16 : DType::kF32);
  }
  write_file(path, file.finish());
}

void Trainer::start_from(const std::string& path) {
  const auto file = Safetensors::load(path);
  TORCH_CHECK(file.ok(), file.ok() ? "" : file.error().message);
  const torch::NoGradGuard guard;
  for (auto& item : system_->named_parameters()) {
    const TensorView* view = file->find(item.key());
    if (view == nullptr || view->shape != item.value().sizes().vec()) {
      std::cout << "fresh: " << item.key() << "\n";
      continue;
    }
    auto values = view->floats();
    TORCH_CHECK(values.ok(), path, ": ", item.key(), ": ", values.ok() ? "" : values.error().message);
    item.value().copy_(torch::from_blob(values->data(), item.value().sizes()));
  }
}

void Trainer::save(const Optimiser* optimiser) {
  torch::serialize::OutputArchive archive;
  for (const auto& item : system_->named_parameters()) archive.write("weight." + item.key(), item.value());
  if (optimiser != nullptr) {
    for (const auto& [name, value] : optimiser->state()) archive.write("state." + name, value);
  }
  nlohmann::json position = {{"stage", stage_},
                             {"step", step_},
                             {"seconds", seconds_},
                             {"random", nlohmann::json::array()},
                             {"optimiser", optimiser != nullptr}};
  for (size_t i = 0; i < workers_.size(); ++i) {
    std::ostringstream random;
    random << workers_[i].random;
    position["random"].push_back(random.str());
    archive.write("noise." + std::to_string(i), workers_[i].generator.get_state());
  }
  archive.write("position", c10::IValue(position.dump()));
  const std::string path = options_.out + "/last.ckpt";
  archive.save_to(path + ".tmp");
  fs::rename(path + ".tmp", path);
}

bool Trainer::load() {
  const std::string path = options_.out + "/last.ckpt";
  if (!fs::exists(path)) return false;
  torch::serialize::InputArchive archive;
  archive.load_from(path, torch::kCPU);
  const torch::NoGradGuard guard;
  for (auto& item : system_->named_parameters()) {
    Tensor value;
    if (archive.try_read("weight." + item.key(), value) && value.sizes() == item.value().sizes()) {
      item.value().copy_(value);
    } else {
      std::cout << "fresh: " << item.key() << "\n";
    }
  }
  c10::IValue text;
  archive.read("position", text);
  const auto position = nlohmann::json::parse(text.toStringRef());
  stage_ = position.at("stage");
  step_ = position.at("step");
  seconds_ = position.at("seconds");
  for (size_t i = 0; i < workers_.size() && i < position.at("random").size(); ++i) {
    std::istringstream random(position.at("random")[i].get<std::string>());
    random >> workers_[i].random;
    Tensor state;
    archive.read("noise." + std::to_string(i), state);
    workers_[i].generator.set_state(state);
  }
  if (position.at("optimiser").get<bool>()) {
    for (const auto& key : archive.keys()) {
      if (key.rfind("state.", 0) != 0) continue;
      Tensor value;
      archive.read(key, value);
      loaded_.emplace_back(key.substr(6), value);
    }
  }
  return true;
}

}  // namespace compass::train
