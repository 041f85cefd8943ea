// Time and arithmetic of each stage of coding, for `compass-lab bench`. It takes two readings of the clock
// for each run of a network.
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
  // The stage's entry, made on first use. The reference is valid until clear().
  Entry& entry(std::string_view stage) { return entries_.try_emplace(std::string(stage)).first->second; }
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  void clear() { entries_.clear(); }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

// Adds the time from its construction to its destruction, and `macs`, to a stage's entry. `times` must not be
// cleared meanwhile; if it is null, nothing is measured.
class StageTimer {
 public:
  StageTimer(StageTimes* times, std::string_view stage, double macs)
      : entry_(times != nullptr ? &times->entry(stage) : nullptr), macs_(macs) {
    if (entry_ != nullptr) start_ = std::chrono::steady_clock::now();
  }
  ~StageTimer() {
    if (entry_ == nullptr) return;
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    entry_->seconds += seconds.count();
    entry_->macs += macs_;
    ++entry_->runs;
  }
  StageTimer(const StageTimer&) = delete;
  StageTimer& operator=(const StageTimer&) = delete;

 private:
  StageTimes::Entry* entry_;
  double macs_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace compass::nn
