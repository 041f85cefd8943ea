// Time and arithmetic per stage, for `compass-lab bench`. Costs two clock readings per network run, nothing
// if unused.
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
  // Stays where it is until clear().
  Entry& entry(std::string_view stage) { return entries_.try_emplace(std::string(stage)).first->second; }
  const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }
  void clear() { entries_.clear(); }

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

// Accounts the time from its construction to its end, during which `times` must not be cleared; does nothing
// for a null `times`.
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
