// What there is to do in a run: every encoding of every picture, once, whichever layouts need it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/result.h"
#include "eval/results.h"
#include "eval/run_settings.h"

namespace compass::eval {

// A picture that can be read.
struct Source {
  std::string path;
  std::string name;  // file name
  std::string hash;  // of its content
  Size size;
};

// One encoding to do or to look up.
struct Job {
  size_t source = 0;      // of the plan
  size_t contestant = 0;  // of the settings
  std::string setting;
  std::vector<Size> sizes;  // lowest layer first; one for kPicture
};

// The settings of a codec that give its curve: the grid's if it has any, else the codec's own.
std::vector<std::string> rate_settings(const RunSettings& settings, const EvaluatedCodec& codec);

// What a measurement is kept under: everything that determines it. `hash` is the picture's.
std::string measurement_key(const RunSettings& settings, const std::string& hash, const EvaluatedCodec& codec,
                            const std::string& setting, const std::vector<Size>& sizes);

class RunPlan {
 public:
  // Reads all pictures once. Errors: kUsage (no picture can be read, no codec accepts any layout).
  static Result<RunPlan> make(const RunSettings& settings);

  const std::vector<Source>& sources() const { return sources_; }
  const std::vector<Job>& jobs() const { return jobs_; }
  // Pictures that cannot be read, and layouts that codecs refuse.
  const std::vector<Failure>& failures() const { return failures_; }
  // Where among jobs() this one is.
  std::optional<size_t> find(const Job& job) const;

 private:
  using JobId = std::tuple<size_t, size_t, std::string, std::vector<std::pair<int, int>>>;
  static JobId id_of(const Job& job);

  void read_sources(const RunSettings& settings);
  void add_jobs(const RunSettings& settings);
  void add(Job job);

  std::vector<Source> sources_;
  std::vector<Job> jobs_;
  std::map<JobId, size_t> index_;
  std::vector<Failure> failures_;
};

}  // namespace compass::eval
