#include "eval/compass_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "core/clock.h"
#include "eval/csv.h"
#include "eval/idle_coders.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

constexpr int kEffort = 12;  // of CompassVariant::kEffort

// An encoder and a decoder of one model. They cache what they built for a picture size, so they are kept.
struct Machine {
  Encoder encoder;
  Decoder decoder;
  Machine(const std::shared_ptr<const Model>& model, const CodecOptions& options)
      : encoder(model, options), decoder(model, options) {}
};

class CompassCodec : public EvaluatedCodec {
 public:
  CompassCodec(CompassVariant variant, std::vector<CompassPoint> points, CodecOptions options,
               std::string program, std::string name)
      : variant_(variant),
        points_(std::move(points)),
        options_(options),
        program_(std::move(program)),
        name_(std::move(name)) {}

  std::string name() const override {
    if (!name_.empty()) return name_;
    switch (variant_) {
      case CompassVariant::kBase:
        return "compass-base";
      case CompassVariant::kBicubic:
        return "compass-bicubic";
      case CompassVariant::kEffort:
        return "compass-effort";
      case CompassVariant::kLayers:
        break;
    }
    return "compass";
  }
  StreamKind kind() const override {
    return variant_ == CompassVariant::kBase ? StreamKind::kPicture : StreamKind::kScalable;
  }
  std::string version() const override {
    std::string text = fmt::format("program {} precision {}", program_, static_cast<int>(options_.precision));
    for (const CompassPoint& p : points_)
      text += fmt::format("; {} = {}", p.setting, to_string(p.model->id()));
    return text;
  }
  std::string how() const override {
    const char* layers = variant_ == CompassVariant::kBase ? "--layers 1" : "--sizes {sizes}";
    const std::string effort = this->effort() ? fmt::format(" --effort {}", *this->effort()) : "";
    const char* note =
        variant_ == CompassVariant::kBicubic ? " (with bicubic up-sampling in LIFF's place)" : "";
    return fmt::format(
        "compass encode {{in}} {{out}} {} --quality {{}}{}; compass decode {{prefix}} {{out}}{}", layers,
        effort, note);
  }
  std::vector<std::string> settings() const override {
    std::vector<std::string> names;
    for (const CompassPoint& p : points_) names.push_back(p.setting);
    return names;
  }

  Result<Coded> run(const std::vector<Picture>& originals, const std::string& setting,
                    const std::string& directory) const override {
    const auto point = std::find_if(points_.begin(), points_.end(),
                                    [&](const CompassPoint& p) { return p.setting == setting; });
    if (point == points_.end()) {
      return Error{ErrorCode::kUsage, fmt::format("{}: no setting '{}'", name(), setting)};
    }
    const Model* const model = point->model.get();
    std::unique_ptr<Machine> machine =
        idle_.take(model, [&] { return std::make_unique<Machine>(point->model, options_); });
    Result<Coded> coded = run_on(*machine, originals, point->quality, directory);
    idle_.give_back(model, std::move(machine));
    return coded;
  }

 private:
  PredictionKind prediction() const {
    return variant_ == CompassVariant::kBicubic ? PredictionKind::kBicubic : PredictionKind::kLiff;
  }

  // None: what an encoder does unasked.
  std::optional<int> effort() const {
    return variant_ == CompassVariant::kEffort ? std::optional(kEffort) : std::nullopt;
  }

  Result<Coded> run_on(Machine& machine, const std::vector<Picture>& originals, double quality,
                       const std::string& directory) const {
    const Picture& top = originals.back();
    EncodeSettings settings;
    settings.quality = quality;
    settings.effort = effort();
    settings.prediction = prediction();
    settings.sizes = sizes_of(originals);

    Coded coded;
    const Image image = from_rgb8(top.rgb, top.size);
    const Clock::time_point start = Clock::now();
    const Result<EncodedPicture> encoded = machine.encoder.encode(image, settings);
    coded.encode_seconds = seconds_since(start);
    if (!encoded) return encoded.error();
    const std::string path = directory + "/coded.cmps";
    if (Status status = write_file(path, encoded->bytes.data(), encoded->bytes.size()); !status) {
      return status.error();
    }
    const Result<std::vector<uint8_t>> file = read_file(path);
    if (!file) return file.error();

    const Result<HeaderParse> parsed = parse_header(*file);
    if (!parsed) return parsed.error();
    if (!parsed->header || parsed->header->layers.size() != originals.size()) {
      return Error{ErrorCode::kBadFile, "the file's layer table is not the one that was asked for"};
    }
    for (size_t k = 0; k < originals.size(); ++k) {
      const uint64_t prefix = parsed->header->layers[k].end();
      MemorySource source{std::span<const uint8_t>(*file).first(prefix)};
      DecodeSettings wanted;
      wanted.layer = static_cast<int>(k);
      wanted.prediction = prediction();
      const Clock::time_point decode_start = Clock::now();
      const Result<DecodedPicture> decoded = machine.decoder.decode(source, wanted);
      const double seconds = seconds_since(decode_start);
      if (!decoded) return decoded.error();
      if (decoded->layer != static_cast<int>(k) || decoded->image.size() != originals[k].size) {
        return Error{ErrorCode::kDamaged, fmt::format("layer {} did not come out of its own prefix", k)};
      }
      Picture picture(originals[k].size);
      to_rgb8(decoded->image, picture.rgb);
      coded.layers.push_back({prefix, std::move(picture), seconds});
    }
    return coded;
  }

  CompassVariant variant_;
  std::vector<CompassPoint> points_;
  CodecOptions options_;
  std::string program_;
  std::string name_;  // instead of the variant's, if it is not empty
  mutable IdleCoders<Model, Machine> idle_;
};

}  // namespace

std::shared_ptr<const EvaluatedCodec> make_compass_codec(CompassVariant variant,
                                                         std::vector<CompassPoint> points,
                                                         CodecOptions options, std::string program,
                                                         std::string name) {
  return std::make_shared<CompassCodec>(variant, std::move(points), options, std::move(program),
                                        std::move(name));
}

Result<std::vector<CompassPoint>> compass_points(const std::vector<std::shared_ptr<const Model>>& models,
                                                 const std::vector<std::string>& qualities) {
  std::vector<CompassPoint> points;
  const auto fixed =
      std::ranges::count_if(models, [](const auto& model) { return model->rate_points().size() == 1; });
  if (models.size() > 1 && fixed == std::ssize(models)) {
    for (const auto& model : models) points.push_back({to_string(model->id()), model, 50});
    return points;
  }
  if (models.size() > 2 || (models.size() == 2 && fixed > 0)) {
    return Error{ErrorCode::kUsage,
                 "a curve is of one model, of one for low and one for high qualities, or of "
                 "several with a single rate each"};
  }
  for (const std::string& quality : qualities) {
    const Result<double> value = parse_number(quality);
    if (!value || *value < 0 || *value > 100) {
      return Error{ErrorCode::kUsage, fmt::format("quality '{}' is not a number from 0 to 100", quality)};
    }
    points.push_back({quality, *value < kHighQuality ? models.front() : models.back(), *value});
  }
  return points;
}

}  // namespace compass::eval
