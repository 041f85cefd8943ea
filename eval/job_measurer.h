// Does one encoding, decodes it and compares what comes out with the originals.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "core/result.h"
#include "eval/cache.h"
#include "eval/run_plan.h"

namespace compass::eval {

// Shared by all threads.
class JobMeasurer {
 public:
  // Both must outlive it.
  JobMeasurer(const RunSettings& settings, const RunPlan& plan);
  JobMeasurer(const JobMeasurer&) = delete;
  JobMeasurer& operator=(const JobMeasurer&) = delete;
  ~JobMeasurer();

  // `crop`: a file for the crop of the top layer that reports show; empty: none is kept. Errors: whatever
  // went wrong.
  Result<Measurement> operator()(const Job& job, const std::string& crop);

 private:
  class LoadedPicture;

  std::shared_ptr<LoadedPicture> load(size_t source, std::string& why);
  Result<Measurement::Layer> compare(const Picture& original, const CodedLayer& layer) const;

  const RunSettings& settings_;
  const RunPlan& plan_;
  std::mutex mutex_;
  std::map<size_t, std::weak_ptr<LoadedPicture>> loaded_;
};

}  // namespace compass::eval
