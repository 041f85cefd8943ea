// What a run keeps: checkpoints to go on from, weights, models.
#include <filesystem>
#include <iostream>

#include "export.h"
#include "file.h"
#include "mei/mei_model.h"
#include "model_file/model.h"
#include "model_file/safetensors.h"
#include "model_writer/safetensors_writer.h"
#include "narrow.h"
#include "trainer.h"
#include "widen.h"

namespace compass::train {
namespace {

template <typename T>
Status status_of(const Result<T>& result) {
  return result ? Status() : Status(result.error());
}

}  // namespace

void Trainer::save(const Optimiser* optimiser) {
  if (!peers_.first()) return;
  torch::serialize::OutputArchive archive;
  for (const auto& item : system_->named_parameters()) archive.write("weight." + item.key(), item.value());
  if (optimiser != nullptr) {
    for (const auto& [name, value] : optimiser->state()) archive.write("state." + name, value);
  }
  // Random numbers follow from the seed and the step: the position is all there is to keep of them.
  const nlohmann::json position = {{"stage", stage_},
                                   {"step", step_},
                                   {"seconds", seconds_ + elapsed()},
                                   {"optimiser", optimiser != nullptr}};
  archive.write("position", c10::IValue(position.dump()));
  const std::string path = options_.out + "/last.ckpt";
  archive.save_to(path + ".tmp");
  std::filesystem::rename(path + ".tmp", path);
}

bool Trainer::load() {
  const std::string path = options_.out + "/last.ckpt";
  if (!std::filesystem::exists(path)) return false;
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
  const TrainingConfig& training = options_.config.training;
  const auto bytes = export_model(*system_, count_symbols(),
                                  {{"data", training.data},
                                   {"stage", stage_},
                                   {"steps", global_step()},
                                   {"hours", std::round(seconds_ / 36.0) / 100.0},
                                   {"seed", training.seed}},
                                  training.eight_bits);
  // As who reads the file will.
  const Status good =
      options_.config.mei ? status_of(MeiModel::parse(bytes)) : status_of(Model::parse(bytes));
  TORCH_CHECK(good.ok(), path, ": not written: ", good.ok() ? "" : good.error().message);
  write_file(path, bytes);
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
  const KnownLatents known = copy_weights(system_, *file, path);
  if (known.base > 0 || known.enhancement > 0) {
    std::mt19937_64 random(seed(0, 0));
    at::set_num_threads(options_.threads);
    widen(system_, known, dataset_.train, {}, random);
    at::set_num_threads(1);
  }
  std::mt19937_64 random(seed(0, 1));
  narrow(system_, *file, dataset_.train, {8, 8, 256}, random);
  peers_.broadcast(system_->parameters());
}

}  // namespace compass::train
