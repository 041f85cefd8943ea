// The logs of a training run: a progress line, CSV files, TensorBoard events.
#pragma once

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "event_file.h"

namespace compass::train {

// dB of a mean squared error of samples in [0,1]; 100 dB at most.
double decibels(double mse);

// Means over the steps since the last entry.
struct Progress {
  std::string stage;
  int64_t step = 0, steps = 0;  // of the stage
  int64_t global_step = 0;      // of the run
  double seconds = 0.0;         // of training, all sessions together
  double seconds_left = 0.0;    // of this stage or this session, whichever ends first
  double loss = 0.0, norm = 0.0, rate = 0.0, patches_per_second = 0.0;
  std::vector<double> bpp, psnr;  // by layer: bits per pixel of the layer, dB
};

// One rate point on the held-back pictures of one kind.
struct ValidationPoint {
  std::string stage;
  std::string kind;
  int64_t global_step = 0;
  double seconds = 0.0;
  int rate_point = 0;
  double lambda = 0.0;
  double total_bpp = 0.0;         // all layers' bits over the top layer's pixels
  std::vector<double> bpp, psnr;  // by layer
};

// Appends to log.csv, validation.csv and events.out.tfevents.* in a folder. A default-made log writes
// nothing.
class RunLog {
 public:
  RunLog() = default;
  explicit RunLog(const std::string& folder);
  void write(const Progress& progress);
  void write(const ValidationPoint& point);

 private:
  std::ofstream steps_, validation_;
  std::unique_ptr<EventFile> events_;
};

// "lite  120/4000  loss 5.0100  0.952/27.44 0.675/29.15 0.501/29.93  19.5 patches/s  1 h 02 min left"
std::string progress_line(const Progress& progress);

}  // namespace compass::train
