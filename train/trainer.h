// Runs the stages of a training configuration: steps, validation, logs, checkpoints.
#pragma once

#include <future>
#include <optional>
#include <random>
#include <string>

#include "dataset.h"
#include "export.h"
#include "optimiser.h"
#include "patch_grid.h"
#include "peers.h"
#include "run_log.h"
#include "stage.h"
#include "system.h"
#include "training_config.h"

namespace compass::train {

struct RunOptions {
  Config config;
  std::string data;          // folder of .ppm pictures
  std::string out;           // folder for checkpoints and logs, shared by all processes of a run
  double max_seconds = 0.0;  // 0: until the stages are done
  int64_t max_steps = 0;     // of this run; 0: no limit
  int threads = 2;
  bool cuda = false;
};

class Trainer {
 public:
  explicit Trainer(RunOptions options, Peers peers = {});
  void run();          // from wherever the last checkpoint left off
  void validate();     // prints and logs RD points of the current weights
  void use_average();  // takes the averaged weights of the checkpoint, where it has them
  void export_to(const std::string& path);

  // The averaged weights alone, by module path: small enough to keep with the project, and enough to start
  // another run from (optimiser state apart). Parameters that the file lacks, or has in another shape, stay
  // fresh; a codec with more latents than the file's is widened.
  void save_weights(const std::string& path);
  void start_from(const std::string& path);

 private:
  void validate(const std::string& kind, const std::vector<const Picture*>& pictures);
  // The pictures of a worker's share of a step.
  struct Batch {
    std::vector<Tensor> layers;  // lowest first, [B,3,H,W] in [0,1]
    Tensor base;                 // more for the base codec, or undefined
  };
  // A thread's share of a step, with the weights in shared storage and gradients of its own. One worker per
  // core and single-threaded kernels are faster than threads inside kernels: oneDNN's weight gradients wait
  // at barriers where cores are shared.
  struct Worker {
    System system{nullptr};
    std::vector<Tensor> parameters;
    at::Generator noise;
    std::future<Batch> ahead;  // the next step's pictures, on their way while a GPU works
  };
  // Sums over workers and processes. They stay on the device, so that a step need not wait for the step
  // before.
  struct StepLog {
    Tensor values;  // loss, then bits per pixel and squared error of each layer; zeros if any is not finite
    Tensor count;   // how many shares were finite
    bool stop = false;
    double norm = 0.0;
  };

  void make_workers();
  void read_stage_models();  // of all stages, so that a wrong name shows before the first step
  void prepare_stage();  // gives all systems what the current stage wants of them, and makes its patch grid
  void train_stage(const Stage& stage);
  std::vector<std::pair<std::string, Tensor>> trained_parameters(const Stage& stage);
  // training_step.cc
  StepLog step(const Stage& stage, Optimiser& optimiser, bool want_stop);
  Tensor share(const Stage& stage, Worker& worker, int64_t index);
  Batch draw(const Stage& stage, int64_t step, int64_t index) const;
  // The top layer of a worker's share: [count,3,patch,patch].
  Tensor draw_patches(const Stage& stage, int64_t step, int64_t index, int64_t count,
                      std::mt19937_64& random) const;
  // Of a worker's share of a step: [count] places on the rate axis; u, a scalar in [0, 1), is all workers'
  // own.
  Tensor spread_rates(int64_t count, int64_t index, const Tensor& u) const;
  CodecCounts count_symbols();  // of training pictures under the current weights; symbols.cc
  void gather_gradients(StepLog& log, bool want_stop);
  uint64_t seed(int64_t step, int64_t worker) const;
  int64_t number_of(int64_t worker) const;  // among the workers of all processes
  // checkpoint.cc
  void save(const Optimiser* optimiser);
  bool load();

  size_t current() const;  // stage; the last one when all are done
  int64_t global_step() const;
  const std::vector<Stage>& stages() const { return options_.config.training.stages; }
  double elapsed() const;  // seconds since this run began

  RunOptions options_;
  Peers peers_;
  torch::Device device_;
  at::ScalarType dtype_;
  System system_{nullptr};
  Dataset dataset_;
  std::optional<PatchGrid> grid_;  // of the current stage, if it takes its patches from one
  std::vector<Worker> workers_;
  std::vector<LayerFilters> filters_;        // of each stage
  std::vector<LayerQuantisers> quantisers_;  // of each stage
  size_t stage_ = 0;
  int64_t step_ = 0;                                                                // within the stage
  int64_t steps_done_ = 0;                                                          // in this run
  double seconds_ = 0.0;                                                            // before this run
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();  // of this run
  RunLog log_;
  std::vector<std::pair<std::string, Tensor>> loaded_;  // optimiser state from the checkpoint
};

}  // namespace compass::train
