// Encoding to targets, and adding a layer to a file.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "bitstream/append.h"
#include "codec/growing_file.h"
#include "codec/seen_picture.h"
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

constexpr ContainerLimits kNoLimits{.max_pixels = std::numeric_limits<uint64_t>::max(),
                                    .max_metadata_bytes = std::numeric_limits<uint64_t>::max()};

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

// What can be said of settings for a layer that is added before the file is looked at.
Status check_appended(const EncodeSettings& wish) {
  if (!wish.sizes.empty()) {
    return Error{ErrorCode::kUsage, "sizes: a layer that is added has the picture's own size; give none"};
  }
  if (!wish.metadata.empty()) {
    return Error{ErrorCode::kUsage, "metadata: the file keeps its own; give none"};
  }
  if (wish.layer_qualities.size() > 1 || wish.quality_maps.size() > 1 || wish.targets.size() > 1) {
    return Error{ErrorCode::kUsage, "qualities, maps and targets are the new layer's: give one"};
  }
  return {};
}

// Makes the picture one of the file's kinds: `opaque` becomes its alpha if it needs one and has none.
Status fit_kinds(const PictureKinds& kinds, Size size, EncodeSettings& settings, Plane& opaque) {
  const auto refuse = [](const char* what) { return Error{ErrorCode::kUsage, what}; };
  if (!kinds.alpha && !is_opaque(settings.alpha))
    return refuse("the picture has alpha, and the file has none");
  if (kinds.grey && !settings.kinds.grey) return refuse("the picture has colours, and the file is grey");
  if (kinds.own_colours != settings.kinds.own_colours) {
    return refuse(kinds.own_colours ? "the file has colours of its own profile, and the picture sRGB"
                                    : "the picture has colours of its own profile, and the file sRGB");
  }
  settings.kinds = kinds;
  if (!kinds.alpha) {
    settings.alpha = {};
  } else if (settings.alpha.empty()) {
    opaque = Plane(size, 255);
    settings.alpha = opaque.view();
  }
  return {};
}

// One layer of a growing file, at the best quality that the target allows, with room for what the header says
// of layers of the sizes `further`.
Result<GrownFile> grow_to(const Target& target, GrowingFile& file, const Original& picture, NextLayer layer,
                          std::span<const Size> further, EncodeSettings settings, int effort, Meter& meter,
                          Attempts& attempts) {
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
      [further](const GrownFile& made) {
        const uint64_t growth = header_growth(*parse_header(made.bytes, kNoLimits)->header, further);
        return Attempt{static_cast<double>(made.bytes.size() + growth), made.layer.psnr};
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
    settings.measure = wish.measure || is_psnr(wish.targets.front());
    TargetSearch search(wish.targets.front(), sizes.back(), wish.quality);
    auto best = search_target<EncodedPicture>(
        search,
        [&](double quality) {
          attempts.begin();
          settings.quality = quality;
          return encode(picture, settings, effort);
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
    auto grown = grow_to(wish.targets[k], file, picture, layer, std::span(sizes).subspan(k + 1), settings,
                         effort, networks.meter(), attempts);
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
  return append_with_alpha(file, picture, settings);
}

Result<EncodedPicture> Encoder::append(std::span<const uint8_t> file, const Rgb16View& picture,
                                       const EncodeSettings& settings) {
  return append_with_alpha(file, picture, settings);
}

template <typename Picture>
Result<EncodedPicture> Encoder::append_with_alpha(std::span<const uint8_t> file, const Picture& picture,
                                                  const EncodeSettings& wish) {
  Parts& p = *parts_;
  return p.networks.meter().watch(wish.progress, [&]() -> Result<EncodedPicture> {
    if (const auto status = check_encodes(*p.model); !status) return status.error();
    if (const auto status = check_appended(wish); !status) return status.error();
    GrowingFile growing(p);
    if (const auto opened = growing.open({file.begin(), file.end()}, wish.prediction); !opened) {
      return opened.error();
    }
    const Original original(picture);
    EncodeSettings settings = wish;
    Plane opaque;
    if (const auto fits = fit_kinds(growing.kinds(), original.size(), settings, opaque); !fits) {
      return fits.error();
    }
    settings.sizes = growing.sizes();
    settings.sizes.push_back(original.size());
    const int effort = p.effort_for(original.size(), settings);
    NextLayer layer{original.size(), wish.quality, {}};
    if (!wish.layer_qualities.empty()) layer.quality = wish.layer_qualities.front();
    settings.quality = layer.quality;
    settings.layer_qualities.clear();
    if (!wish.quality_maps.empty()) {  // a list for all layers, of which only the new one has a map
      layer.map = wish.quality_maps.front();
      settings.quality_maps.assign(settings.sizes.size(), {});
      settings.quality_maps.back() = layer.map;
    }
    if (const auto status = p.check(original, settings, effort, true); !status) return status.error();
    const SeenPicture<Picture> seen(picture, settings.alpha, p.pool);
    p.tune(seen.original(), static_cast<int>(settings.sizes.size()) - 1, settings);
    if (!settings.quality_maps.empty()) layer.map = settings.quality_maps.back();
    return p.append(growing, seen.original(), layer, settings, effort);
  });
}

Result<EncodedPicture> Encoder::Parts::append(GrowingFile& growing, const Original& picture,
                                              const NextLayer& layer, const EncodeSettings& settings,
                                              int effort) {
  Meter& meter = networks.meter();
  Attempts attempts(meter);
  auto grown = [&]() -> Result<GrownFile> {
    if (settings.targets.empty()) {
      attempts.begin();
      meter.set_total(layer_work(layer.size, effort, settings.measure));
      return growing.with(picture, layer, settings, effort);
    }
    if (const auto status = check_targets(settings.targets, 1, *model); !status) return status.error();
    return grow_to(settings.targets.front(), growing, picture, layer, {}, settings, effort, meter, attempts);
  }();
  if (!grown) return grown.error();
  EncodedPicture encoded;
  encoded.effort = effort;
  for (size_t k = 0; k < growing.sizes().size(); ++k) encoded.layers.push_back(growing.layer(k));
  encoded.layers.push_back(grown->layer);
  if (settings.keep_reconstructions) encoded.reconstructions.push_back(std::move(grown->picture.image));
  encoded.bytes = std::move(grown->bytes);
  attempts.end();
  return encoded;
}

}  // namespace compass
