#include "eval/run_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "eval/perceptual.h"
#include "eval/picture_file.h"

namespace compass::eval {
namespace {

// Bump when the meaning of a cached measurement changes (resampling of originals, metrics).
constexpr const char* kCacheFormat = "compass-eval 1";

// Layouts that codecs do not accept, by codec and reason.
class Refusals {
 public:
  void add(const std::string& codec, const std::string& why, const std::string& layout) {
    std::vector<std::string>& layouts = refused_[{codec, why}];
    if (std::ranges::find(layouts, layout) == layouts.end()) layouts.push_back(layout);
  }
  void append_to(std::vector<Failure>& failures) const {
    for (const auto& [what, layouts] : refused_) {
      const auto& [name, why] = what;
      failures.push_back({layouts.size() == 1 ? fmt::format("{}, layers {}", name, layouts.front())
                                              : fmt::format("{}, {} sets of layers, the first {}", name,
                                                            layouts.size(), layouts.front()),
                          why});
    }
  }

 private:
  std::map<std::pair<std::string, std::string>, std::vector<std::string>> refused_;
};

}  // namespace

std::vector<std::string> rate_settings(const RunSettings& settings, const EvaluatedCodec& codec) {
  const auto given = settings.grid.settings.find(codec.name());
  return given == settings.grid.settings.end() ? codec.settings() : given->second;
}

std::string measurement_key(const RunSettings& settings, const std::string& hash, const EvaluatedCodec& codec,
                            const std::string& setting, const std::vector<Size>& sizes) {
  std::string key = fmt::format("{}|{}|{}|{}|{}", kCacheFormat, codec.name(), codec.version(), setting, hash);
  for (const Size s : sizes) key += fmt::format("|{}x{}", s.width, s.height);
  if (settings.perceptual) key += fmt::format("|{}", installed_perceptual_metrics());
  return key;
}

Result<RunPlan> RunPlan::make(const RunSettings& settings) {
  RunPlan plan;
  plan.read_sources(settings);
  if (plan.sources_.empty()) {
    return Error{ErrorCode::kUsage,
                 settings.images.empty() ? "no pictures to evaluate on" : "none of the pictures can be read"};
  }
  plan.add_jobs(settings);
  if (plan.jobs_.empty())
    return Error{ErrorCode::kUsage, "nothing to measure: no codec accepts any of the layouts"};
  return plan;
}

RunPlan::JobId RunPlan::id_of(const Job& job) {
  std::vector<std::pair<int, int>> sizes;
  for (const Size s : job.sizes) sizes.emplace_back(s.width, s.height);
  return {job.source, job.contestant, job.setting, std::move(sizes)};
}

std::optional<size_t> RunPlan::find(const Job& job) const {
  const auto found = index_.find(id_of(job));
  if (found == index_.end()) return std::nullopt;
  return found->second;
}

void RunPlan::read_sources(const RunSettings& settings) {
  for (const std::string& path : settings.images) {
    const std::string name = std::filesystem::path(path).filename().string();
    const Result<Picture> picture = settings.files.read(path);
    if (!picture) {
      failures_.push_back({name, picture.error().message});
      continue;
    }
    sources_.push_back({path, name, content_hash(*picture), picture->size});
  }
}

void RunPlan::add(Job job) {
  if (index_.emplace(id_of(job), jobs_.size()).second) jobs_.push_back(std::move(job));
}

void RunPlan::add_jobs(const RunSettings& settings) {
  Refusals refusals;
  for (size_t s = 0; s < sources_.size(); ++s) {
    for (size_t c = 0; c < settings.contestants.size(); ++c) {
      const EvaluatedCodec& codec = *settings.contestants[c].codec;
      std::vector<std::string> rates = rate_settings(settings, codec);
      if (const std::optional<std::string> all = codec.ceiling()) rates.push_back(*all);
      for (const Layout& layout : settings.grid.layouts) {
        const std::vector<Size> sizes = layout_sizes(layout, sources_[s].size);
        if (const Status status = codec.accepts(sizes); !status) {
          refusals.add(codec.name(), status.error().message, layout.name);
          continue;
        }
        for (const std::string& setting : rates) {
          if (codec.kind() == StreamKind::kScalable) {
            add({s, c, setting, sizes});
          } else {
            for (const Size size : sizes) add({s, c, setting, {size}});
          }
        }
      }
    }
  }
  refusals.append_to(failures_);
}

}  // namespace compass::eval
