// compass-lab fit: the last stage of making a model. Fits loop filters to the error of the model's
// reconstructions.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "codec/encoder.h"
#include "codec/original.h"
#include "commands.h"
#include "common/command.h"
#include "common/output_file.h"
#include "common/plain_text.h"
#include "common/progress.h"
#include "fit/filter_learner.h"
#include "fit/filtered_model.h"
#include "model_file/model.h"
#include "picture_files.h"

namespace compass::tools {
namespace {

// Qualities, of which each picture is coded at one, taken in turn.
constexpr double kQualities[] = {5.0, 65.0, 25.0, 85.0, 45.0};

struct Options {
  std::string input;
  std::string output;
  std::vector<std::string> pictures;
  int directions = 24;
  CommonFlags common;
};

// What a codec's filter is learned from, and what the outcome is tried on: every kHeldBack-th picture.
struct Seen {
  std::unique_ptr<fit::FilterLearner> learned;
  std::unique_ptr<fit::FilterLearner> held_back;
};
constexpr size_t kHeldBack = 8;

Result<Seen> nothing_seen() {
  auto learned = fit::make_filter_learner();
  if (!learned) return learned.error();
  auto held_back = fit::make_filter_learner();
  if (!held_back) return held_back.error();
  return Seen{*std::move(learned), *std::move(held_back)};
}

// One pass over the pictures with a model: reconstructions and originals of the layers of one of its codecs.
// They are reconstructed without a filter of that codec, from lower layers with their filter.
Status look(const std::shared_ptr<const Model>& model, const Options& options, CodecKind kind,
            const Seen& seen) {
  const Result<CodecOptions> codec = codec_options(options.common);
  if (!codec) return codec.error();
  const bool base = kind == CodecKind::kBase;
  Encoder encoder(model, *codec);
  ThreadPool pool(codec->threads);
  const eval::PictureFiles files = picture_files();
  ProgressBar bar(base ? "coding base layers" : "coding enhancement layers", options.common.quiet);
  const Progress progress = bar.callback();
  for (size_t i = 0; i < options.pictures.size(); ++i) {
    const auto picture = files.read(options.pictures[i]);
    if (!picture) return picture.error();
    const auto sizes = sizes_from_scales(picture->size, default_scales(model->layered() ? 3 : 1));
    if (!sizes) return sizes.error();
    EncodeSettings settings;
    settings.sizes = base ? std::vector<Size>{sizes->front()} : *sizes;
    settings.quality = kQualities[i % std::size(kQualities)];
    settings.measure = settings.keep_reconstructions = true;
    const Original original(
        Rgb8View{picture->rgb.data(), picture->size, static_cast<size_t>(picture->size.width) * 3});
    const auto encoded = encoder.encode(original.layer(settings.sizes.back(), pool), settings);
    if (!encoded) return Error{encoded.error().code, options.pictures[i] + ": " + encoded.error().message};
    for (size_t k = base ? 0 : 1; k < settings.sizes.size(); ++k) {
      auto& learner = i % kHeldBack == 0 ? seen.held_back : seen.learned;
      learner->add(encoded->reconstructions[k], original.layer(settings.sizes[k], pool));
    }
    if (progress) progress(static_cast<double>(i + 1) / static_cast<double>(options.pictures.size()));
  }
  return {};
}

// The model in `file` with these filters.
Result<std::shared_ptr<const Model>> filtered(const Options& options, const Safetensors& file,
                                              const FilterWeights& base, const FilterWeights& enhancement,
                                              std::vector<uint8_t>& bytes) {
  auto made = fit::with_filters(file, base, enhancement);
  if (!made) return Error{made.error().code, options.input + ": " + made.error().message};
  bytes = *std::move(made);
  return Model::parse(bytes);
}

Status run_fit(const Options& options) {
  if (const auto codec = codec_options(options.common); !codec) return codec.error();
  if (options.pictures.size() < static_cast<size_t>(options.directions) + kHeldBack) {
    return Error{ErrorCode::kUsage, fmt::format("{} pictures for {} directions: more are needed",
                                                options.pictures.size(), options.directions)};
  }
  std::vector<std::string> inputs = options.pictures;
  inputs.push_back(options.input);
  Result<OutputFile> output = OutputFile::create(options.output, inputs);  // before minutes are spent
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  const Result<Safetensors> file = Safetensors::load(options.input);
  if (!file) return file.error();
  FilterWeights base_filter;
  FilterWeights enhancement_filter;
  std::vector<uint8_t> bytes;
  auto model = filtered(options, *file, base_filter, enhancement_filter, bytes);
  if (!model) return model.error();

  const Result<Seen> base = nothing_seen(), enhancement = nothing_seen();
  if (!base) return base.error();
  if (!enhancement) return enhancement.error();
  if (const Status looked = look(*model, options, CodecKind::kBase, *base); !looked) return looked;
  base_filter = base->learned->learn(options.directions);
  model = filtered(options, *file, base_filter, enhancement_filter, bytes);
  if (!model) return model.error();
  if ((*model)->layered()) {
    if (const Status looked = look(*model, options, CodecKind::kEnhancement, *enhancement); !looked) {
      return looked;
    }
    enhancement_filter = enhancement->learned->learn(options.directions);
    model = filtered(options, *file, base_filter, enhancement_filter, bytes);
    if (!model) return model.error();
  }
  if (const Status written = output->write(bytes); !written) return written;
  if (const Status committed = output->commit(); !committed) return committed;

  const auto gain = [](const fit::FilterLearner& learner, const FilterWeights& filter) {
    const auto g = learner.gain(filter);
    return fmt::format("{:.3f} dB by itself, {:.3f} dB with coefficients", g.fixed, g.adapted);
  };
  const std::string id = to_string((*model)->id());
  if (options.common.json) {
    return print_json({{"output", options.output}, {"bytes", bytes.size()}, {"model", {{"id", id}}}});
  }
  if (options.common.quiet) return {};
  std::string report =
      fmt::format("{}: {} bytes, id {}; on pictures held back:\nbase: {}\n", plain_line(options.output),
                  bytes.size(), id, gain(*base->held_back, base_filter));
  if ((*model)->layered())
    report += fmt::format("enhancement: {}\n", gain(*enhancement->held_back, enhancement_filter));
  return print_report(report, *output);
}

}  // namespace

void add_fit(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command = *app.add_subcommand("fit", "Give a trained model loop filters fitted to pictures.");
  command.add_option("MODEL", options->input, "Model file.")->required();
  command.add_option("OUT", options->output, "Model file to write, or -.")->required();
  command
      .add_option("PICTURE", options->pictures,
                  "Pictures to fit to, some hundred; every eighth is held back to try it on.")
      ->required();
  command
      .add_option("--directions", options->directions,
                  "In how many directions an encoder may move a filter, per layer. Default: 24.")
      ->check(CLI::Range(0, kMaxFilterDirections));
  command.add_option("--threads", options->common.threads, "Threads to use. Default: one per core.");
  add_output_flags(command, options->common);
  command.footer("Example:\n  compass-lab fit trained.safetensors lite.safetensors photos/*.ppm");
  command.callback([options, &action] { action = [options] { return run_fit(*options); }; });
}

}  // namespace compass::tools
