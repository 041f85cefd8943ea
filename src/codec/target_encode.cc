// Encoding to targets, and adding a layer to a file.
#include <fmt/format.h>

#include <algorithm>

#include "codec/growing_file.h"
#include "codec/memory_need.h"
#include "codec/target_search.h"

namespace compass {
namespace {

Status check_targets(const std::vector<Target>& targets, size_t layers, const Model& model) {
  if (targets.size() != 1 && targets.size() != layers) {
    return Error{ErrorCode::kUsage, fmt::format("{} targets for {} layers: give one, or one for each layer",
                                                targets.size(), layers)};
  }
  for (const Target& target : targets) {
    if (!(target.value > 0.0 && std::isfinite(target.value))) {
      return Error{ErrorCode::kUsage, fmt::format("a target of {:g} makes no sense", target.value)};
    }
  }
  if (model.rate_points().size() > 1) return {};
  return Error{ErrorCode::kUsage,
               fmt::format("model '{}' has a single rate: no quality can be searched for", model.name())};
}

bool is_psnr(const Target& target) {
  return target.kind == Target::Kind::kPsnr;
}

// Nobody knows how many attempts there will be: each takes a third of what is left of the progress.
class Attempts {
 public:
  explicit Attempts(Meter& meter) : meter_(meter) {}
  void begin() {
    const double from = done_;
    done_ += (1.0 - done_) / 3.0;
    meter_.set_part(from, done_);
  }
  void end() {
    meter_.set_part(0.0, 1.0);
    meter_.set_total(1.0);
    meter_.finish();
  }

 private:
  Meter& meter_;
  double done_ = 0.0;
};

// One layer of a growing file, at the best quality that the target allows.
Result<GrownFile> grow_to(const Target& target, GrowingFile& file, const Original& picture, NextLayer layer,
                          EncodeSettings settings, int effort, Meter& meter, Attempts& attempts) {
  settings.measure = settings.measure || is_psnr(target);
  TargetSearch search(target, layer.size, layer.quality);
  return search_target<GrownFile>(
      search,
      [&](double quality) {
        attempts.begin();
        meter.set_total(layer_work(layer.size, effort, settings.measure));
        layer.quality = quality;
        return file.with(picture, layer, settings, effort);
      },
      [](const GrownFile& made) {
        return Attempt{static_cast<double>(made.bytes.size()), made.layer.psnr};
      });
}

}  // namespace

Result<EncodedPicture> Encoder::Parts::encode_to_targets(const Original& picture, const EncodeSettings& wish,
                                                         int effort) {
  const auto& sizes = wish.sizes;
  if (const auto status = check_targets(wish.targets, sizes.size(), *model); !status) return status.error();
  EncodeSettings settings = wish;
  settings.targets.clear();
  Attempts attempts(networks.meter());
  if (wish.targets.size() == 1 && sizes.size() > 1) {  // one quality for all layers
    settings.layer_qualities.clear();
    settings.effort = effort;
    settings.measure = wish.measure || is_psnr(wish.targets.front());
    TargetSearch search(wish.targets.front(), sizes.back(), wish.quality);
    auto best = search_target<EncodedPicture>(
        search,
        [&](double quality) {
          attempts.begin();
          settings.quality = quality;
          return encode(picture, settings);
        },
        [](const EncodedPicture& made) {
          return Attempt{static_cast<double>(made.bytes.size()), made.layers.back().psnr};
        });
    if (best) attempts.end();
    return best;
  }
  // From the base layer up: what is below a layer is coded once.
  EncodedPicture encoded;
  encoded.effort = effort;
  GrowingFile file(*this);
  for (size_t k = 0; k < sizes.size(); ++k) {
    const NextLayer layer{sizes[k], wish.layer_qualities.empty() ? wish.quality : wish.layer_qualities[k],
                          wish.quality_maps.empty() ? QualityMap{} : wish.quality_maps[k]};
    auto grown = grow_to(wish.targets[k], file, picture, layer, settings, effort, networks.meter(), attempts);
    if (!grown) {
      return Error{grown.error().code, fmt::format("layer {}: {}", k, grown.error().message)};
    }
    encoded.layers.push_back(grown->layer);
    if (settings.keep_reconstructions) encoded.reconstructions.push_back(grown->picture.image);
    encoded.bytes = grown->bytes;
    if (k + 1 < sizes.size()) {
      if (const auto taken = file.take(*std::move(grown), wish.prediction); !taken) return taken.error();
    }
  }
  attempts.end();
  return encoded;
}

Result<EncodedPicture> Encoder::append(std::span<const uint8_t> file, const Rgb8View& picture,
                                       const EncodeSettings& settings) {
  return parts_->networks.meter().watch(settings.progress,
                                        [&] { return parts_->append(file, Original(picture), settings); });
}

Result<EncodedPicture> Encoder::Parts::append(std::span<const uint8_t> file, const Original& picture,
                                              const EncodeSettings& wish) {
  if (!wish.sizes.empty()) {
    return Error{ErrorCode::kUsage, "sizes: a layer that is added has the picture's own size; give none"};
  }
  if (!wish.metadata.empty()) {
    return Error{ErrorCode::kUsage, "metadata: the file keeps its own; give none"};
  }
  if (wish.layer_qualities.size() > 1 || wish.quality_maps.size() > 1 || wish.targets.size() > 1) {
    return Error{ErrorCode::kUsage, "qualities, maps and targets are the new layer's: give one"};
  }
  GrowingFile growing(*this);
  if (const auto opened = growing.open({file.begin(), file.end()}, wish.prediction); !opened) {
    return opened.error();
  }
  EncodeSettings settings = wish;
  settings.sizes = growing.sizes();
  settings.sizes.push_back(picture.size());
  const int effort = effort_for(picture.size(), settings);
  const NextLayer layer{picture.size(),
                        wish.layer_qualities.empty() ? wish.quality : wish.layer_qualities.front(),
                        wish.quality_maps.empty() ? QualityMap{} : wish.quality_maps.front()};
  settings.quality = layer.quality;
  settings.layer_qualities.clear();
  if (!wish.quality_maps.empty()) {  // a list for all layers, of which only the new one has a map
    settings.quality_maps.assign(settings.sizes.size(), {});
    settings.quality_maps.back() = layer.map;
  }
  if (const auto status = check(picture, settings, effort); !status) return status.error();

  Meter& meter = networks.meter();
  Attempts attempts(meter);
  auto grown = [&]() -> Result<GrownFile> {
    if (wish.targets.empty()) {
      attempts.begin();
      meter.set_total(layer_work(layer.size, effort, settings.measure));
      return growing.with(picture, layer, settings, effort);
    }
    if (const auto status = check_targets(wish.targets, 1, *model); !status) return status.error();
    return grow_to(wish.targets.front(), growing, picture, layer, settings, effort, meter, attempts);
  }();
  if (!grown) return grown.error();
  EncodedPicture encoded;
  encoded.effort = effort;
  for (size_t k = 0; k < growing.sizes().size(); ++k) {
    encoded.layers.push_back(growing.layer(k));
  }
  encoded.layers.push_back(grown->layer);
  if (settings.keep_reconstructions) encoded.reconstructions.push_back(std::move(grown->picture.image));
  encoded.bytes = std::move(grown->bytes);
  attempts.end();
  return encoded;
}

}  // namespace compass
