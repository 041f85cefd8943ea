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

  // Lets the library's settings report to this object, which must outlive the call that they are for; not
  // where nothing would be drawn.
  template <typename Settings>
  void follow(Settings& settings) {
    if (!enabled_) return;
    settings.progress = on_progress;
    settings.progress_user = this;
  }
  // The callback for the codec's own settings; refers to this object. Empty where nothing would be drawn.
  Progress callback();

 private:
  void show(double done);
  static int on_progress(void* bar, double done) {
    static_cast<ProgressBar*>(bar)->show(done);
    return 0;
  }

  using Clock = std::chrono::steady_clock;
  std::string label_;
  bool enabled_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace compass::tools
