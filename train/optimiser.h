// The optimiser: Adam for vectors and tables, Muon for the weights of hidden convolutions, and a moving
// average of the weights, which is what is validated and exported.
#pragma once

#include <torch/torch.h>

#include <string>
#include <vector>

namespace compass::train {

class Optimiser {
 public:
  struct Options {
    bool muon = false;
    int threads = 1;
    double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;  // Adam (Kingma and Ba, 2015)
    double momentum = 0.95;                             // Muon (Jordan et al., 2024)
    double average = 0.999;                             // decay of the moving average, per step
    double clip = 1.0;                                  // of the gradient's norm
    double gain_rate = 1.0;   // what the rate is multiplied by for gain vectors (`log_gain`),
    double prior_rate = 1.0;  // and for factorised priors (`entropy_bottleneck`)
  };

  Optimiser(const std::vector<std::pair<std::string, torch::Tensor>>& parameters, Options options);

  // One step at the given rate; returns the gradient's norm before clipping. Steps with a norm that is not
  // finite are skipped.
  double step(double rate);

  // Swaps the weights with their moving average; call again to swap back.
  void swap_average();

  // State by name, for checkpoints. Names that are missing on load keep their fresh state.
  std::vector<std::pair<std::string, torch::Tensor>> state() const;
  void load(const std::function<bool(const std::string&, torch::Tensor&)>& find);

  int64_t steps() const { return steps_; }

 private:
  struct Slot {
    std::string name;
    torch::Tensor value, average, first, second;
    bool muon = false;
    double rate = 1.0;  // times the step's
  };
  std::vector<Slot> slots_;
  Options options_;
  int64_t steps_ = 0;
  int64_t average_start_ = 0;  // step from which the averages count
};

}  // namespace compass::train
