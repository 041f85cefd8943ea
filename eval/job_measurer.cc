#include "eval/job_measurer.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "eval/metrics.h"
#include "eval/perceptual.h"
#include "eval/picture_crop.h"
#include "eval/picture_file.h"
#include "eval/process.h"

namespace compass::eval {

// A picture in memory with the resampled versions made of it so far. Shared by the jobs that run on it and
// gone with the last.
class JobMeasurer::LoadedPicture {
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

JobMeasurer::JobMeasurer(const RunSettings& settings, const RunPlan& plan)
    : settings_(settings), plan_(plan) {}
JobMeasurer::~JobMeasurer() = default;

std::shared_ptr<JobMeasurer::LoadedPicture> JobMeasurer::load(size_t source, std::string& why) {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<LoadedPicture> picture = loaded_[source].lock();
  if (picture) return picture;
  Result<Picture> read = settings_.files.read(plan_.sources()[source].path);
  if (!read || content_hash(*read) != plan_.sources()[source].hash) {
    why = read ? "the picture changed during the run" : read.error().message;
    return nullptr;
  }
  picture = std::make_shared<LoadedPicture>(std::move(*read));
  loaded_[source] = picture;
  return picture;
}

Result<Measurement> JobMeasurer::operator()(const Job& job, const std::string& crop) {
  std::string why;
  const std::shared_ptr<LoadedPicture> picture = load(job.source, why);
  if (!picture) return Error{ErrorCode::kIo, why};
  const std::vector<Picture> originals = picture->layers(job.sizes);
  const Result<Workspace> workspace = Workspace::create();
  if (!workspace) return workspace.error();
  const EvaluatedCodec& codec = *settings_.contestants[job.contestant].codec;
  const Result<Coded> coded = codec.run(originals, job.setting, workspace->file("."));
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
    const Result<Measurement::Layer> layer = compare(originals[k], coded->layers[k]);
    if (!layer) return layer.error();
    m.layers.push_back(*layer);
  }
  if (crop.empty()) return m;
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(crop).parent_path(), ignored);
  const Picture part = cut(coded->layers.back().decoded, crop_of(picture->whole()));
  if (const Status kept = settings_.files.write(part, crop); !kept) return kept.error();
  return m;
}

Result<Measurement::Layer> JobMeasurer::compare(const Picture& original, const CodedLayer& layer) const {
  const Result<double> quality = psnr(original, layer.decoded);
  if (!quality) return quality.error();
  Measurement::Layer measured{layer.bytes, *quality, std::nullopt, layer.decode_seconds, {}};
  if (std::min(original.size.width, original.size.height) > kMsSsimMinSide) {
    const Result<double> similarity = ms_ssim(original, layer.decoded);
    if (!similarity) return similarity.error();
    measured.ms_ssim = *similarity;
  }
  if (settings_.perceptual) {
    const Result<PerceptualScores> seen = perceptual_scores(original, layer.decoded);
    if (!seen) return seen.error();
    measured.seen = *seen;
  }
  return measured;
}

}  // namespace compass::eval
