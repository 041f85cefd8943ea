// Time and arithmetic per stage, for `compass bench`. Costs two clock readings per network run, nothing if
// unused.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <string_view>

namespace compass::nn {

class StageTimes {
 public:
  struct Entry {
    double seconds = 0.0;
    double macs = 0.0;  // multiply-adds of the networks as described, not of the padded tiles
    int runs = 0;
  };
  void add(std::string_view stage, double seconds, double macs) {
    Entry& entry = entries_.try_emplace(std::string(stage)).first->second;
    entry.seconds += seconds;
    entry.macs += macs;
    ++entry.runs;
  }
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  void clear() { entries_.clear(); }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

// Accounts the time from its construction to its end; does nothing for a null `times`.
class StageTimer {
 public:
  StageTimer(StageTimes* times, std::string_view stage, double macs)
      : times_(times), stage_(stage), macs_(macs) {
    if (times_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~StageTimer() {
    if (times_ == nullptr) return;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    times_->add(stage_, seconds.count(), macs_);
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  StageTimes* times_;
  std::string_view stage_;
  double macs_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace compass::nn
