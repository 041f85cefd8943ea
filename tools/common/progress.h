// A progress bar on standard error, for work that takes long enough to be watched.
#pragma once

#include <chrono>
#include <string>

#include "codec/codec_options.h"

namespace compass::tools {

// Draws nothing when standard error is not a terminal, when told to be quiet, or before a second has passed.
// The line is wiped at the end of the scope.
class ProgressBar {
 public:
  ProgressBar(std::string label, bool quiet);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // The callback for CodecOptions' Progress; refers to this object. Empty where nothing would be drawn.
  Progress callback();

 private:
  void show(double done);

  using Clock = std::chrono::steady_clock;
  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace compass::tools
