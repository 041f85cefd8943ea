#include "eval/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

#include "core/clock.h"
#include "core/thread_pool.h"
#include "eval/cache.h"
#include "eval/metrics.h"
#include "eval/picture_file.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

// Bump when the meaning of a cached measurement changes (resampling of originals, metrics).
constexpr const char* kCacheFormat = "compass-eval 1";

std::string size_name(Size s) {
  return fmt::format("{}x{}", s.width, s.height);
}

std::string cache_key(const std::string& picture_hash, const EvaluatedCodec& codec,
                      const std::string& setting, const std::vector<Size>& sizes) {
  std::string key =
      fmt::format("{}|{}|{}|{}|{}", kCacheFormat, codec.name(), codec.version(), setting, picture_hash);
  for (const Size s : sizes) key += "|" + size_name(s);
  return key;
}

// A readable picture of the run.
struct Source {
  std::string path;
  std::string name;  // file name
  std::string hash;
  Size size;
};

// One encoding to do or look up.
struct Job {
  size_t source = 0;
  size_t contestant = 0;
  std::string setting;
  std::vector<Size> sizes;
  auto id() const { return std::tuple(source, contestant, setting, size_list()); }
  std::vector<std::pair<int, int>> size_list() const {
    std::vector<std::pair<int, int>> out;
    for (const Size s : sizes) out.emplace_back(s.width, s.height);
    return out;
  }
};
using JobId = decltype(std::declval<Job>().id());

// A picture in memory with the resampled versions made of it so far. Shared by the jobs that run on it and
// gone with the last.
class LoadedPicture {
 public:
  explicit LoadedPicture(Picture picture) : whole_(std::move(picture)) {}
  const Picture& whole() const { return whole_; }
  std::vector<Picture> layers(const std::vector<Size>& sizes) {
    std::vector<Picture> out;
    const std::lock_guard lock(mutex_);
    for (const Size s : sizes) {
      auto& made = made_[{s.width, s.height}];
      if (made.rgb.empty()) made = pyramid_of(whole_, {s}).front();
      out.push_back(made);
    }
    return out;
  }

 private:
  Picture whole_;
  std::mutex mutex_;
  std::map<std::pair<int, int>, Picture> made_;
};

class Run {
 public:
  Run(const RunSettings& settings, Cache cache)
      : settings_(settings), cache_(std::move(cache)), perceptual_(installed_perceptual_metrics()) {}

  Result<Results> operator()() {
    read_sources();
    if (sources_.empty()) {
      return Error{ErrorCode::kUsage, settings_.images.empty() ? "no pictures to evaluate on"
                                                               : "none of the pictures can be read"};
    }
    plan();
    if (jobs_.empty())
      return Error{ErrorCode::kUsage, "nothing to measure: no codec accepts any of the layouts"};
    measure();
    if (stopped_) return Error{ErrorCode::kFailure, "stopped; the same command goes on from here"};
    assemble();
    return std::move(results_);
  }

 private:
  void read_sources() {
    for (const std::string& path : settings_.images) {
      const std::string name = std::filesystem::path(path).filename().string();
      const Result<Picture> picture = settings_.files.read(path);
      if (!picture) {
        results_.failures.push_back({name, picture.error().message});
        continue;
      }
      sources_.push_back({path, name, content_hash(*picture), picture->size});
    }
  }

  const EvaluatedCodec& codec(size_t contestant) const { return *settings_.contestants[contestant].codec; }

  std::vector<std::string> rate_settings(const EvaluatedCodec& codec) const {
    const auto given = settings_.grid.settings.find(codec.name());
    return given == settings_.grid.settings.end() ? codec.settings() : given->second;
  }

  void add(Job job) {
    if (index_.emplace(job.id(), jobs_.size()).second) jobs_.push_back(std::move(job));
  }

  void plan() {
    std::map<std::pair<std::string, std::string>, std::vector<std::string>> refused;  // layouts
    for (size_t s = 0; s < sources_.size(); ++s) {
      for (size_t c = 0; c < settings_.contestants.size(); ++c) {
        for (const Layout& layout : settings_.grid.layouts) {
          const std::vector<Size> sizes = layout_sizes(layout, sources_[s].size);
          if (const Status status = codec(c).accepts(sizes); !status) {
            std::vector<std::string>& layouts = refused[{codec(c).name(), status.error().message}];
            if (std::ranges::find(layouts, layout.name) == layouts.end()) layouts.push_back(layout.name);
            continue;
          }
          std::vector<std::string> rates = rate_settings(codec(c));
          if (const std::optional<std::string> all = codec(c).ceiling()) rates.push_back(*all);
          for (const std::string& setting : rates) {
            if (codec(c).kind() == StreamKind::kScalable) {
              add({s, c, setting, sizes});
            } else {
              for (const Size size : sizes) add({s, c, setting, {size}});
            }
          }
        }
      }
    }
    for (const auto& [what, layouts] : refused) {
      const auto& [name, why] = what;
      results_.failures.push_back({layouts.size() == 1 ? fmt::format("{}, layers {}", name, layouts.front())
                                                       : fmt::format("{}, {} sets of layers, the first {}",
                                                                     name, layouts.size(), layouts.front()),
                                   why});
    }
    measurements_.resize(jobs_.size());
    for (size_t j = 0; j < jobs_.size(); ++j) {
      const Job& job = jobs_[j];
      const std::string crop = wants_crop(job) ? crop_file(job) : std::string();
      if (!crop.empty() && !std::filesystem::exists(crop)) continue;
      measurements_[j] = cache_.find(key(job), job.sizes.size());
      if (measurements_[j]) ++progress_.cached;
    }
    progress_.total = static_cast<int>(jobs_.size());
    progress_.done = progress_.cached;
  }

  std::string key(const Job& job) const {
    std::string key = cache_key(sources_[job.source].hash, codec(job.contestant), job.setting, job.sizes);
    if (settings_.perceptual) key += "|" + perceptual_;
    return key;
  }
  std::string crop_file(const Job& job) const { return cache_.path(key(job), ".png"); }
  bool wants_crop(const Job& job) const {
    const Source& source = sources_[job.source];
    return settings_.samples.contains(source.name) && job.sizes.back() == source.size;
  }

  // ---- measuring ----

  void measure() {
    for (size_t j = 0; j < jobs_.size(); ++j) {
      if (!measurements_[j]) to_do_.push_back(j);
    }
    for (const size_t j : to_do_) ++left_[jobs_[j].contestant];
    report({});
    const int count = static_cast<int>(to_do_.size());
    ThreadPool pool(std::clamp(settings_.jobs, 1, std::max(1, count)));
    pool.parallel_for(count, [&](int i, int /*worker*/) {
      if (!stopped_ && settings_.stop && settings_.stop()) stopped_ = true;
      if (!stopped_) one(to_do_[i]);
    });
    // Failures came in any order: give them the jobs' own.
    for (auto& [j, failure] : failed_) results_.failures.push_back(std::move(failure));
  }

  std::shared_ptr<LoadedPicture> load(size_t source, std::string& why) {
    const std::lock_guard lock(load_mutex_);
    std::shared_ptr<LoadedPicture> picture = loaded_[source].lock();
    if (picture) return picture;
    Result<Picture> read = settings_.files.read(sources_[source].path);
    if (!read || content_hash(*read) != sources_[source].hash) {
      why = read ? "the picture changed during the run" : read.error().message;
      return nullptr;
    }
    picture = std::make_shared<LoadedPicture>(std::move(*read));
    loaded_[source] = picture;
    return picture;
  }

  void one(size_t j) {
    const Job& job = jobs_[j];
    const Clock::time_point start = Clock::now();
    Result<Measurement> measured = attempt(job);
    const double seconds = seconds_since(start);
    if (measured) cache_.store(key(job), *measured);

    const std::lock_guard lock(progress_mutex_);
    std::vector<std::string> names;
    std::string sizes;
    for (const Size s : job.sizes) sizes += (sizes.empty() ? "" : " ") + size_name(s);
    const std::string what = fmt::format("{}, {} at {}, {}", sources_[job.source].name,
                                         codec(job.contestant).name(), job.setting, sizes);
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

  Result<Measurement> attempt(const Job& job) {
    std::string why;
    const std::shared_ptr<LoadedPicture> picture = load(job.source, why);
    if (!picture) return Error{ErrorCode::kIo, why};
    const std::vector<Picture> originals = picture->layers(job.sizes);
    const Result<Workspace> workspace = Workspace::create();
    if (!workspace) return workspace.error();
    const Result<Coded> coded = codec(job.contestant).run(originals, job.setting, workspace->file("."));
    if (!coded) return coded.error();
    if (coded->layers.size() != originals.size()) {
      return Error{ErrorCode::kFailure,
                   fmt::format("{} of {} layers came back", coded->layers.size(), originals.size())};
    }

    Measurement m;
    m.encode_seconds = coded->encode_seconds;
    m.encode_peak_kib = coded->encode_peak_kib;
    m.decode_peak_kib = coded->decode_peak_kib;
    for (size_t k = 0; k < originals.size(); ++k) {
      const CodedLayer& layer = coded->layers[k];
      const Result<double> quality = psnr(originals[k], layer.decoded);
      if (!quality) return quality.error();
      Measurement::Layer measured{layer.bytes, *quality, std::nullopt, layer.decode_seconds, {}};
      if (std::min(originals[k].size.width, originals[k].size.height) > kMsSsimMinSide) {
        const Result<double> similarity = ms_ssim(originals[k], layer.decoded);
        if (!similarity) return similarity.error();
        measured.ms_ssim = *similarity;
      }
      if (settings_.perceptual) {
        const Result<PerceptualScores> seen = perceptual_scores(originals[k], layer.decoded);
        if (!seen) return seen.error();
        measured.seen = *seen;
      }
      m.layers.push_back(measured);
    }
    if (wants_crop(job)) {
      const std::string path = crop_file(job);
      std::error_code ignored;
      std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
      const Status kept =
          settings_.files.write(cut(coded->layers.back().decoded, crop_of(picture->whole())), path);
      if (!kept) return kept.error();
    }
    return m;
  }

  // ---- rows ----

  const Measurement* find(size_t s, size_t c, const std::string& setting,
                          const std::vector<Size>& sizes) const {
    const auto found = index_.find(Job{s, c, setting, sizes}.id());
    return found == index_.end() || !measurements_[found->second] ? nullptr : &*measurements_[found->second];
  }

  void assemble() {
    for (size_t c = 0; c < settings_.contestants.size(); ++c) {
      for (const Layout& layout : settings_.grid.layouts) {
        for (const std::string& setting : rate_settings(codec(c))) {
          for (size_t s = 0; s < sources_.size(); ++s) {
            if (codec(c).kind() == StreamKind::kScalable) {
              one_stream_rows(s, c, layout, setting, kOneStream);
            } else {
              file_rows(s, c, layout, setting);
            }
          }
        }
        const std::optional<std::string> all = codec(c).ceiling();
        for (size_t s = 0; all && s < sources_.size(); ++s) one_stream_rows(s, c, layout, *all, kCeiling);
      }
    }
  }

  Row start_row(size_t s, size_t c, const Layout& layout, const std::string& setting, const char* scheme,
                size_t k) const {
    const Size size = layout_sizes(layout, sources_[s].size)[k];
    Row row;
    row.image = sources_[s].name;
    row.codec = codec(c).name();
    row.scheme = scheme;
    row.layout = layout.name;
    row.setting = setting;
    row.layer = static_cast<int>(k);
    row.layers = static_cast<int>(layout.scales.size());
    row.width = size.width;
    row.height = size.height;
    return row;
  }

  static void copy_layer(const Measurement& m, const Measurement::Layer& layer, Row& row) {
    row.psnr = layer.psnr;
    row.ms_ssim = layer.ms_ssim;
    row.seen = layer.seen;
    row.decode_seconds = layer.decode_seconds;
    row.encode_peak_kib = m.encode_peak_kib;
    row.decode_peak_kib = m.decode_peak_kib;
  }

  void one_stream_rows(size_t s, size_t c, const Layout& layout, const std::string& setting,
                       const char* scheme) {
    const Measurement* m = find(s, c, setting, layout_sizes(layout, sources_[s].size));
    if (m == nullptr) return;
    uint64_t below = 0;
    for (size_t k = 0; k < m->layers.size(); ++k) {
      Row row = start_row(s, c, layout, setting, scheme, k);
      copy_layer(*m, m->layers[k], row);
      row.bytes_total = m->layers[k].bytes;
      row.bytes = row.bytes_total - below;
      row.encode_seconds = m->encode_seconds;
      below = row.bytes_total;
      results_.rows.push_back(std::move(row));
    }
  }

  void file_rows(size_t s, size_t c, const Layout& layout, const std::string& setting) {
    const std::vector<Size> sizes = layout_sizes(layout, sources_[s].size);
    uint64_t total = 0;
    double encode_seconds = 0;
    bool complete = true;  // simulcast needs every layer below
    for (size_t k = 0; k < sizes.size(); ++k) {
      const Measurement* m = find(s, c, setting, {sizes[k]});
      if (m == nullptr) {
        complete = false;
        continue;
      }
      const Measurement::Layer& layer = m->layers.front();
      total += layer.bytes;
      encode_seconds += m->encode_seconds;
      for (const char* scheme : {kSingle, kSimulcast}) {
        const bool sum = scheme == kSimulcast;
        if (sum ? !settings_.contestants[c].simulcast || !complete : !settings_.contestants[c].single)
          continue;
        Row row = start_row(s, c, layout, setting, scheme, k);
        copy_layer(*m, layer, row);
        row.bytes = layer.bytes;
        row.bytes_total = sum ? total : layer.bytes;
        row.encode_seconds = sum ? encode_seconds : m->encode_seconds;
        results_.rows.push_back(std::move(row));
      }
    }
  }

  const RunSettings& settings_;
  Cache cache_;
  std::string perceptual_;  // what can be said of pictures beside errors
  Results results_;
  std::vector<Source> sources_;
  std::vector<Job> jobs_;
  std::map<JobId, size_t> index_;
  std::vector<std::optional<Measurement>> measurements_;  // per job
  std::vector<size_t> to_do_;
  std::atomic<bool> stopped_{false};

  std::mutex load_mutex_;
  std::map<size_t, std::weak_ptr<LoadedPicture>> loaded_;

  std::mutex progress_mutex_;  // guards what follows, and measurements_ and failed_ while threads run
  RunProgress progress_;
  std::map<size_t, Failure> failed_;
  std::map<size_t, int> left_;
  std::map<size_t, int> ran_;
  std::map<size_t, double> spent_;
};

}  // namespace

Result<Results> run(const RunSettings& settings) {
  Result<Cache> cache = Cache::open(settings.cache);
  if (!cache) return cache.error();
  return Run(settings, std::move(*cache))();
}

std::string crop_path(const RunSettings& settings, const Picture& picture, const EvaluatedCodec& codec,
                      const std::string& setting, const std::vector<Size>& sizes) {
  const Result<Cache> cache = Cache::open(settings.cache);
  if (!cache) return {};
  return cache->path(cache_key(content_hash(picture), codec, setting, sizes), ".png");
}

Rect crop_of(const Picture& picture) {
  const int w = std::min(kCropSide, picture.size.width);
  const int h = std::min(kCropSide, picture.size.height);
  constexpr int kStride = 32;
  Rect best{0, 0, w, h};
  int64_t best_detail = -1;
  for (int y = 0; y + h <= picture.size.height; y += kStride) {
    for (int x = 0; x + w <= picture.size.width; x += kStride) {
      int64_t detail = 0;  // of the green channel, every other pixel
      for (int i = y; i + 1 < y + h; i += 2) {
        for (int j = x; j + 1 < x + w; j += 2) {
          const int here = picture.pixel(i, j)[1];
          detail += std::abs(picture.pixel(i, j + 1)[1] - here) + std::abs(picture.pixel(i + 1, j)[1] - here);
        }
      }
      if (detail > best_detail) {
        best_detail = detail;
        best = {x, y, w, h};
      }
    }
  }
  return best;
}

Picture cut(const Picture& picture, Rect rect) {
  Picture out(rect.size());
  for (int y = 0; y < rect.height; ++y) {
    std::copy_n(picture.pixel(rect.y + y, rect.x), static_cast<size_t>(rect.width) * 3, out.pixel(y, 0));
  }
  return out;
}

}  // namespace compass::eval
