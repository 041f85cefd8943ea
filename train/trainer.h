// Runs the stages of a training configuration: steps, validation, logs, checkpoints.
#pragma once

#include <random>
#include <string>

#include "dataset.h"
#include "optimiser.h"
#include "system.h"

namespace compass::train {

struct RunOptions {
  nlohmann::json config;
  std::string data;          // folder of .ppm pictures
  std::string out;           // folder for checkpoints and logs
  double max_seconds = 0.0;  // 0: until the stages are done
  int64_t max_steps = 0;     // of this run; 0: no limit
  int threads = 2;
  bool cuda = false;
};

class Trainer {
 public:
  explicit Trainer(RunOptions options);
  void run();          // from wherever the last checkpoint left off
  void validate();     // prints RD points of the current weights
  void use_average();  // takes the averaged weights of the checkpoint, where it has them
  void export_to(const std::string& path);

  // The averaged weights alone, by module path: small enough to keep with the project, and enough to start
  // another run from (optimiser state apart). Parameters that the file lacks, or has in another shape, stay
  // fresh.
  void save_weights(const std::string& path);
  void start_from(const std::string& path);

 private:
  struct Stage;
  struct StepLog;
  Stage stage(size_t index) const;
  StepLog step(const Stage& stage, Optimiser& optimiser);
  std::vector<std::pair<std::string, Tensor>> trained_parameters(const Stage& stage);
  // A thread's share of a step: its own view of the weights (shared storage, own gradients) and its own
  // random numbers, so that a run does not depend on how threads interleave. Single-threaded kernels and one
  // worker per core beat threads inside kernels: oneDNN's weight gradients spin at barriers when cores are
  // shared.
  struct Worker {
    System system{nullptr};
    std::vector<Tensor> parameters;
    std::mt19937_64 random;
    at::Generator generator;
  };
  StepLog work(const Stage& stage, Worker& worker, int64_t batch, int64_t base_batch);
  std::vector<Tensor> sample_layers(const Stage& stage, Worker& worker, int64_t batch);
  void make_workers(uint64_t seed);
  void save(const Optimiser* optimiser);
  bool load();
  double rate_at(const Stage& stage) const;

  RunOptions options_;
  torch::Device device_;
  at::ScalarType dtype_;
  System system_{nullptr};
  Dataset dataset_;
  std::vector<Worker> workers_;
  size_t stage_ = 0;
  int64_t step_ = 0;  // within the stage
  double seconds_ = 0.0;
  std::vector<std::pair<std::string, Tensor>> loaded_;  // optimiser state from the checkpoint
};

}  // namespace compass::train
