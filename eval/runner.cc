#include "eval/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>

#include "core/clock.h"
#include "core/thread_pool.h"
#include "eval/cache.h"
#include "eval/job_measurer.h"
#include "eval/picture_file.h"
#include "eval/run_plan.h"
#include "eval/run_rows.h"

namespace compass::eval {
namespace {

class Run {
 public:
  Run(const RunSettings& settings, const RunPlan& plan, Cache cache)
      : settings_(settings), plan_(plan), cache_(std::move(cache)), measure_(settings, plan) {}

  Result<Results> operator()() {
    look_up();
    measure_the_rest();
    if (stopped_) return Error{ErrorCode::kFailure, "stopped; the same command goes on from here"};
    Results results;
    results.failures = plan_.failures();
    // Failures came in any order: give them the jobs' own.
    for (auto& [j, failure] : failed_) results.failures.push_back(std::move(failure));
    results.rows = rows_of(settings_, plan_, measurements_);
    return results;
  }

 private:
  const EvaluatedCodec& codec_of(const Job& job) const {
    return *settings_.contestants[job.contestant].codec;
  }
  const Source& source_of(const Job& job) const { return plan_.sources()[job.source]; }
  std::string key(const Job& job) const {
    return measurement_key(settings_, source_of(job).hash, codec_of(job), job.setting, job.sizes);
  }
  // Where the job's crop is kept; empty if none is wanted.
  std::string crop_file(const Job& job) const {
    const bool wanted =
        settings_.samples.contains(source_of(job).name) && job.sizes.back() == source_of(job).size;
    return wanted ? cache_.path(key(job), ".png") : std::string();
  }

  void look_up() {
    measurements_.resize(plan_.jobs().size());
    for (size_t j = 0; j < plan_.jobs().size(); ++j) {
      const Job& job = plan_.jobs()[j];
      const std::string crop = crop_file(job);
      if (crop.empty() || std::filesystem::exists(crop)) {
        measurements_[j] = cache_.find(key(job), job.sizes.size());
      }
      if (measurements_[j]) {
        ++progress_.cached;
      } else {
        to_do_.push_back(j);
        ++left_[job.contestant];
      }
    }
    progress_.total = static_cast<int>(plan_.jobs().size());
    progress_.done = progress_.cached;
  }

  void measure_the_rest() {
    report({});
    const int count = static_cast<int>(to_do_.size());
    ThreadPool pool(std::clamp(settings_.jobs, 1, std::max(1, count)));
    pool.parallel_for(count, [&](int i, int /*worker*/) {
      if (!stopped_ && settings_.stop && settings_.stop()) stopped_ = true;
      if (!stopped_) measure(to_do_[i]);
    });
  }

  void measure(size_t j) {
    const Job& job = plan_.jobs()[j];
    const Clock::time_point start = Clock::now();
    Result<Measurement> measured = measure_(job, crop_file(job));
    const double seconds = seconds_since(start);
    if (measured) cache_.store(key(job), *measured);

    const std::lock_guard lock(progress_mutex_);
    std::string sizes;
    for (const Size s : job.sizes)
      sizes += fmt::format("{}{}x{}", sizes.empty() ? "" : " ", s.width, s.height);
    const std::string what =
        fmt::format("{}, {} at {}, {}", source_of(job).name, codec_of(job).name(), job.setting, sizes);
    if (measured) {
      measurements_[j] = std::move(*measured);
    } else {
      failed_[j] = {what, measured.error().message};
    }
    ++progress_.done;
    --left_[job.contestant];
    spent_[job.contestant] += seconds;
    ++ran_[job.contestant];
    report(what);
  }

  // Time left: every codec's own mean so far; codecs not met yet count as the mean of those met.
  void report(const std::string& what) {
    if (!settings_.progress) return;
    double spent = 0;
    int ran = 0;
    for (const auto& [c, n] : ran_) {
      spent += spent_[c];
      ran += n;
    }
    progress_.seconds_left = -1;
    if (ran > 0) {
      double left = 0;
      for (const auto& [c, n] : left_) left += n * (ran_[c] > 0 ? spent_[c] / ran_[c] : spent / ran);
      progress_.seconds_left = left / std::max(1, settings_.jobs);
    }
    progress_.current = what;
    settings_.progress(progress_);
  }

  const RunSettings& settings_;
  const RunPlan& plan_;
  const Cache cache_;
  JobMeasurer measure_;
  std::vector<size_t> to_do_;  // jobs of the plan
  std::atomic<bool> stopped_{false};

  std::mutex progress_mutex_;                             // guards what follows while threads run
  std::vector<std::optional<Measurement>> measurements_;  // by job
  std::map<size_t, Failure> failed_;                      // by job
  RunProgress progress_;
  std::map<size_t, int> left_;  // by contestant, as the others
  std::map<size_t, int> ran_;
  std::map<size_t, double> spent_;
};

}  // namespace

Result<Results> run(const RunSettings& settings) {
  Result<Cache> cache = Cache::open(settings.cache);
  if (!cache) return cache.error();
  const Result<RunPlan> plan = RunPlan::make(settings);
  if (!plan) return plan.error();
  return Run(settings, *plan, std::move(*cache))();
}

std::string crop_path(const RunSettings& settings, const Picture& picture, const EvaluatedCodec& codec,
                      const std::string& setting, const std::vector<Size>& sizes) {
  const Result<Cache> cache = Cache::open(settings.cache);
  if (!cache) return {};
  return cache->path(measurement_key(settings, content_hash(picture), codec, setting, sizes), ".png");
}

}  // namespace compass::eval
