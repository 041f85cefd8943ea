// compass-lab fit: the last stage of making a model. Gives it a trellis, if wanted, with tables of the
// symbols that an encoder really chooses; then fits loop filters to the error of the model's reconstructions.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>

#include "codec/encoder.h"
#include "codec/latent_coder.h"
#include "codec/original.h"
#include "commands.h"
#include "common/command.h"
#include "common/output_file.h"
#include "common/plain_text.h"
#include "common/progress.h"
#include "fit/filter_learner.h"
#include "fit/filtered_model.h"
#include "model_file/model.h"
#include "model_writer/trellis_model.h"
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
  // Of the trellis; 0: the model's quantiser stays as it is.
  double step = 0.0;
  std::vector<double> coarser_below{60.0};
  int rounds = 3;
  bool keep_filters = false;
  bool base_filter_only = false;
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

// The first rounds of counting only lead the way: they take half as many pictures as the round after them.
size_t counted_stride(const Options& options, int round) {
  const size_t stride = size_t{1} << std::min(options.rounds - 1 - round, 8);
  return std::min(stride, std::max<size_t>(options.pictures.size() / std::size(kQualities), 1));
}

// One pass over pictures with a model that has a trellis: which symbols it takes.
Status count(const std::shared_ptr<const Model>& model, const Options& options, int round, LevelCounts& base,
             LevelCounts& enhancement) {
  const Result<CodecOptions> codec = codec_options(options.common);
  if (!codec) return codec.error();
  Encoder encoder(model, *codec);
  const eval::PictureFiles files = picture_files();
  ProgressBar bar(fmt::format("counting symbols, {} of {}", round + 1, options.rounds), options.common.quiet);
  const Progress progress = bar.callback();
  const size_t stride = counted_stride(options, round);
  for (size_t i = 0; i < options.pictures.size(); i += stride) {
    const auto picture = files.read(options.pictures[i]);
    if (!picture) return picture.error();
    auto sizes = sizes_from_scales(picture->size, default_scales(model->layered() ? 3 : 1));
    if (!sizes) return sizes.error();
    EncodeSettings settings;
    settings.sizes = *std::move(sizes);
    settings.quality = kQualities[(i / stride + static_cast<size_t>(round)) % std::size(kQualities)];
    settings.latents = [&](int k, const LayerLatents& latents) {
      const SpatialLayer layer{settings.sizes, k, model->rate_position(settings.quality)};
      const auto layout = trellis_layout(*model, layer, latents.y_hat.width);
      (k == 0 ? base : enhancement).add(*layout, latents.indexes, latents.y);
    };
    const auto encoded = encoder.encode(
        Rgb8View{picture->rgb.data(), picture->size, static_cast<size_t>(picture->size.width) * 3}, settings);
    if (!encoded) return Error{encoded.error().code, options.pictures[i] + ": " + encoded.error().message};
    if (progress) {
      progress(static_cast<double>(std::min(i + stride, options.pictures.size())) /
               static_cast<double>(options.pictures.size()));
    }
  }
  return {};
}

// The model file in `bytes` with a trellis, whose tables are counted in rounds: an encoder chooses symbols by
// the tables that there are, and what it chose makes the next ones.
Status fit_trellis(const Options& options, Safetensors& file, std::vector<uint8_t>& bytes) {
  const TrellisDescription trellis{options.step, options.coarser_below};
  LevelCounts base(options.step);
  LevelCounts enhancement(options.step);
  for (int round = 0;; ++round) {
    auto made = with_trellis(file, trellis, base, enhancement);
    if (!made) return Error{made.error().code, options.input + ": " + made.error().message};
    bytes = *std::move(made);
    if (round == options.rounds) break;
    const auto model = Model::parse(bytes);
    if (!model) return model.error();
    base = LevelCounts(options.step);
    enhancement = LevelCounts(options.step);
    if (const Status counted = count(*model, options, round, base, enhancement); !counted) return counted;
  }
  auto fitted = Safetensors::parse(bytes);
  if (!fitted) return fitted.error();
  file = *std::move(fitted);
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

// `gains` may say what the filters gain.
Status report(const Options& options, size_t bytes, const Model& model, const std::string& gains,
              const OutputFile& output) {
  const std::string id = to_string(model.id());
  if (options.common.json) {
    return print_json({{"output", options.output}, {"bytes", bytes}, {"model", {{"id", id}}}});
  }
  if (options.common.quiet) return {};
  const std::string end = gains.empty() ? "\n" : "; " + gains;
  return print_report(fmt::format("{}: {} bytes, id {}{}", plain_line(options.output), bytes, id, end),
                      output);
}

Status check_trellis_options(const Options& options) {
  if (options.step == 0.0 && options.keep_filters) {
    return Error{ErrorCode::kUsage, "--step 0 and --keep-filters together leave nothing to do"};
  }
  if (options.step != 0.0 && options.step < kMinTrellisStep) {
    return Error{ErrorCode::kUsage,
                 fmt::format("--step is 0, or {} to {}", kMinTrellisStep, kMaxTrellisStep)};
  }
  if (options.coarser_below.size() > kMaxTrellisShift ||
      std::ranges::adjacent_find(options.coarser_below, std::less_equal{}) != options.coarser_below.end()) {
    return Error{ErrorCode::kUsage,
                 fmt::format("--coarser-below lists at most {} qualities, falling", kMaxTrellisShift)};
  }
  return {};
}

// Of these every kHeldBack-th is held back, and more must be left than there are directions.
size_t fewest_pictures(int directions) {
  size_t count = static_cast<size_t>(directions) + kHeldBack;
  while (count - (count + kHeldBack - 1) / kHeldBack <= static_cast<size_t>(directions)) ++count;
  return count;
}

Status run_fit(const Options& options) {
  if (const Status good = check_trellis_options(options); !good) return good;
  if (const auto codec = codec_options(options.common); !codec) return codec.error();
  for (const std::string& path : options.pictures) {
    if (std::error_code ignored; !std::filesystem::exists(path, ignored))
      return Error{ErrorCode::kIo, path + ": No such file or directory"};
  }
  const size_t fewest = fewest_pictures(options.directions);
  if (options.pictures.size() < fewest) {
    return Error{ErrorCode::kUsage,
                 fmt::format("PICTURE: {} for {} directions: give {} or more, or fewer --directions",
                             options.pictures.size(), options.directions, fewest)};
  }
  std::vector<std::string> inputs = options.pictures;
  inputs.push_back(options.input);
  Result<OutputFile> output = OutputFile::create(options.output, inputs);  // before minutes are spent
  if (!output) return output.error();
  if (const Status good = check_json_stream(options.common, *output); !good) return good;
  Result<Safetensors> file = Safetensors::load(options.input);
  if (!file) return file.error();
  FilterWeights base_filter;
  FilterWeights enhancement_filter;
  std::vector<uint8_t> bytes;
  if (options.step > 0.0) {
    if (const Status fitted = fit_trellis(options, *file, bytes); !fitted) return fitted;
  }
  if (options.keep_filters) {
    const auto model = Model::parse(bytes);
    if (!model) return model.error();
    if (const Status written = output->write(bytes); !written) return written;
    if (const Status committed = output->commit(); !committed) return committed;
    return report(options, bytes.size(), **model, "", *output);
  }
  auto model = filtered(options, *file, base_filter, enhancement_filter, bytes);
  if (!model) return model.error();

  const Result<Seen> base = nothing_seen(), enhancement = nothing_seen();
  if (!base) return base.error();
  if (!enhancement) return enhancement.error();
  if (const Status looked = look(*model, options, CodecKind::kBase, *base); !looked) return looked;
  base_filter = base->learned->learn(options.directions);
  model = filtered(options, *file, base_filter, enhancement_filter, bytes);
  if (!model) return model.error();
  const bool enhances = (*model)->layered() && !options.base_filter_only;
  if (enhances) {
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
  std::string gains = fmt::format("on pictures held back:\nbase: {}\n", gain(*base->held_back, base_filter));
  if (enhances) gains += fmt::format("enhancement: {}\n", gain(*enhancement->held_back, enhancement_filter));
  return report(options, bytes.size(), **model, gains, *output);
}

}  // namespace

void add_fit(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      *app.add_subcommand("fit", "Give a trained model a trellis and loop filters fitted to pictures.");
  command.add_option("MODEL", options->input, "Model file.")->required();
  command.add_option("OUT", options->output, "Model file to write, or -.")->required();
  command
      .add_option("PICTURE", options->pictures,
                  "Pictures to fit to, some hundred; every eighth is held back to try it on.")
      ->required();
  command
      .add_option("--directions", options->directions,
                  "In how many directions an encoder may move a filter, per layer. Default: 24.")
      ->option_text("N")
      ->check(CLI::Range(0, kMaxFilterDirections));
  command
      .add_option("--step", options->step,
                  "Step of a trellis to quantise y with, such as 0.6785; 0 leaves the quantiser as it is. "
                  "Default: 0.")
      ->option_text("STEP")
      ->check(CLI::Range(0.0, kMaxTrellisStep));
  command
      .add_option("--coarser-below", options->coarser_below,
                  "Qualities, falling, below each of which steps are a scale coarser. Default: 60.")
      ->option_text("Q,Q,...")
      ->check(CLI::Range(0.0, 100.0))
      ->delimiter(',');
  command.add_option("--rounds", options->rounds, "How often symbols are counted. Default: 3.")
      ->option_text("N")
      ->check(CLI::Range(0, 20));
  CLI::Option* const keep =
      command.add_flag("--keep-filters", options->keep_filters, "Leave the loop filters as they are.");
  command
      .add_flag("--base-filter-only", options->base_filter_only,
                "Give enhancement layers no loop filter: they take most of a filter's time.")
      ->excludes(keep);
  command.add_option("--threads", options->common.threads, "Threads to use. Default: one per core.")
      ->option_text("N");
  add_output_flags(command, options->common);
  command.footer(
      "Example:\n"
      "  compass-lab fit trained.safetensors lite.safetensors photos/*.ppm --step 0.6 \\\n"
      "    --coarser-below 68,14");
  command.callback([options, &action] { action = [options] { return run_fit(*options); }; });
}

}  // namespace compass::tools
