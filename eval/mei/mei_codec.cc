#include "eval/mei/mei_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "core/clock.h"
#include "eval/idle_coders.h"
#include "eval/mei/mei_system.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

class MeiCodec : public EvaluatedCodec {
 public:
  MeiCodec(std::string name, std::vector<std::shared_ptr<const MeiModel>> models, CodecOptions options,
           std::string program)
      : name_(std::move(name)), models_(std::move(models)), options_(options), program_(std::move(program)) {}

  std::string name() const override { return name_; }
  StreamKind kind() const override { return StreamKind::kScalable; }
  std::string version() const override {
    std::string text = fmt::format("program {} precision {}", program_, static_cast<int>(options_.precision));
    for (const auto& model : models_) text += "; " + to_string(model->id);
    return text;
  }
  std::string how() const override {
    return "Mei et al.'s layers in this program (eval/mei), of models that compass-train made";
  }
  std::vector<std::string> settings() const override {
    std::vector<std::string> names;
    for (const auto& model : models_) names.push_back(to_string(model->id));
    return names;
  }
  Status accepts(const std::vector<Size>& sizes) const override { return MeiSystem::accepts(sizes); }

  Result<Coded> run(const std::vector<Picture>& originals, const std::string& setting,
                    const std::string& directory) const override {
    const auto model = std::ranges::find_if(
        models_, [&](const auto& candidate) { return to_string(candidate->id) == setting; });
    if (model == models_.end()) {
      return Error{ErrorCode::kUsage, fmt::format("{}: no setting '{}'", name_, setting)};
    }
    std::unique_ptr<MeiSystem> system = idle_.take(model->get(), [&] {
      return std::make_unique<MeiSystem>(*model, std::max(1, options_.threads), options_.precision);
    });
    Result<Coded> coded = run_on(*system, originals, directory);
    idle_.give_back(model->get(), std::move(system));
    return coded;
  }

 private:
  static Result<Coded> run_on(MeiSystem& system, const std::vector<Picture>& originals,
                              const std::string& directory) {
    Coded coded;
    const Clock::time_point start = Clock::now();
    const Result<std::vector<uint8_t>> bytes = system.encode(originals);
    coded.encode_seconds = seconds_since(start);
    if (!bytes) return bytes.error();
    const std::string path = directory + "/coded.mei";
    if (Status status = write_file(path, bytes->data(), bytes->size()); !status) return status.error();
    const Result<std::vector<uint8_t>> file = read_file(path);
    if (!file) return file.error();
    const Result<std::vector<uint64_t>> ends = MeiSystem::layer_ends(*file);
    if (!ends) return ends.error();
    for (size_t k = 0; k < originals.size(); ++k) {
      const Clock::time_point decode_start = Clock::now();
      Result<Picture> picture = system.decode(std::span<const uint8_t>(*file).first((*ends)[k]), k);
      const double seconds = seconds_since(decode_start);
      if (!picture) return picture.error();
      coded.layers.push_back({(*ends)[k], std::move(*picture), seconds});
    }
    return coded;
  }

  std::string name_;
  std::vector<std::shared_ptr<const MeiModel>> models_;
  CodecOptions options_;
  std::string program_;
  mutable IdleCoders<MeiModel, MeiSystem> idle_;
};

}  // namespace

std::shared_ptr<const EvaluatedCodec> make_mei_codec(std::string name,
                                                     std::vector<std::shared_ptr<const MeiModel>> models,
                                                     CodecOptions options, std::string program) {
  return std::make_shared<MeiCodec>(std::move(name), std::move(models), options, std::move(program));
}

}  // namespace compass::eval
