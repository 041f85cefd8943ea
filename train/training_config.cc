#include "training_config.h"

#include <algorithm>
#include <array>

#include "core/printable.h"
#include "model_file/json_fields.h"

namespace compass::train {
namespace {

using nlohmann::json;
using Names = std::initializer_list<std::string_view>;

constexpr int kMaxSteps = 1'000'000'000;
constexpr double kMaxSeconds = 1e9;

// The value of an enumeration whose names are listed in order; the first one if the field is absent.
template <typename Enum>
Enum choose(FieldReader& r, const json& in, const std::string& place, const char* key, Names names) {
  return static_cast<Enum>(r.choice(in, place, key, {names.begin(), names.size()}, *names.begin()));
}

// What a configuration's model has.
struct Parts {
  bool layered = false;  // enhancement codec and LIFF
  bool mei = false;
  size_t rate_points = 0;
};

void parse_parts(FieldReader& r, const json& in, const std::string& place, const Parts& parts, Stage& s) {
  constexpr std::array<std::string_view, 4> kParts{"base", "enhancement", "liff", "mei"};
  s.train = r.texts(in, place, "train", /*required=*/true);
  if (s.train.empty()) r.fail(place + "train", "must list what learns: base, enhancement, liff, mei");
  for (const std::string& part : s.train) {
    const size_t which = r.choice_value(part, place + "train", kParts);
    const bool there = which == 0 || (which == 3 ? parts.mei : parts.layered);
    if (!there) {
      r.fail(place + "train", "lists " + printable(part) + ", which the model does not have");
    }
  }
}

// Of kinds of pictures, whose names are known only when pictures are read.
std::map<std::string, double> parse_shares(FieldReader& r, const json& in, const std::string& place) {
  std::map<std::string, double> shares;
  if (!in.contains("shares")) return shares;
  double sum = 0.0;
  for (const auto& [kind, share] : r.object(in, place, "shares").items()) {
    shares[kind] = r.number(in["shares"], place + "shares.", kind.c_str(), 0.0, 1.0);
    sum += shares[kind];
  }
  if (sum > 1.0 + 1e-9) r.fail(place + "shares", "must sum to 1 at most");
  return shares;
}

// One for each interval between neighbouring rate points.
std::vector<double> parse_rate_shares(FieldReader& r, const json& in, const std::string& place,
                                      size_t points) {
  std::vector<double> shares;
  if (!in.contains("rate_shares")) return shares;
  const json& values = r.array(in, place, "rate_shares");
  if (values.size() + 1 != points) {
    r.fail(place + "rate_shares", "must have " + std::to_string(points - 1) +
                                      " numbers, one for each interval between neighbouring rate points");
    return shares;
  }
  for (const json& value : values) {
    if (!value.is_number() || !(value.get<double>() > 0.0 && value.get<double>() <= 1e6)) {
      r.fail(place + "rate_shares", "must be numbers above 0, at most 1e6");
      return {};
    }
    shares.push_back(value.get<double>());
  }
  return shares;
}

Stage parse_stage(FieldReader& r, const json& in, const std::string& place, const Parts& parts) {
  Stage s;
  s.name = r.text(in, place, "name");
  parse_parts(r, in, place, parts, s);
  s.prediction = choose<Prediction>(r, in, place, "prediction", {"bicubic", "liff"});
  s.loss = choose<Loss>(r, in, place, "loss", {"rate-distortion", "prediction-l1"});
  s.sizes = choose<Sizes>(r, in, place, "sizes", {"any", "paper", "halves"});
  s.crops = choose<Crops>(r, in, place, "crops", {"random", "grid"});
  s.decay = choose<Decay>(r, in, place, "decay", {"constant", "linear", "cosine", "halve3", "halve4"});
  s.optimiser = choose<OptimiserKind>(r, in, place, "optimiser", {"adam", "muon"});
  s.loop_filter = r.text(in, place, "loop_filter", "");
  s.quantiser = r.text(in, place, "quantiser", "");
  const auto whole = [&](const char* key, int low, int high, int64_t fallback) {
    return r.integer(in, place, key, low, high, static_cast<int>(fallback));
  };
  s.steps = r.integer(in, place, "steps", 1, kMaxSteps);
  s.batch = whole("batch", 1, 1 << 16, s.batch);
  s.base_batch = whole("base_batch", 0, 1 << 16, s.base_batch);
  s.patch = whole("patch", 64, 4096, s.patch);
  s.liff_every = whole("liff_every", 1, kMaxSteps, s.liff_every);
  s.search = whole("search", 0, 64, s.search);
  s.warmup = whole("warmup", 0, kMaxSteps, s.warmup);
  s.max_shrink = r.number(in, place, "max_shrink", 1.0, 64.0, s.max_shrink);
  s.own_scale = r.number(in, place, "own_scale", 0.0, 1.0, s.own_scale);
  s.shares = parse_shares(r, in, place);
  s.rate_shares = parse_rate_shares(r, in, place, parts.rate_points);
  s.rate = r.number(in, place, "rate", 0.0, 1.0, s.rate);
  s.gain_rate = r.number(in, place, "gain_rate", 0.0, 1000.0, s.gain_rate);
  s.prior_rate = r.number(in, place, "prior_rate", 0.0, 1000.0, s.prior_rate);
  const bool wants_liff = s.prediction == Prediction::kLiff || s.loss == Loss::kPredictionL1;
  if (wants_liff && !parts.layered) r.fail(place + "prediction", "the model has no LIFF");
  if (s.loss == Loss::kPredictionL1 && !s.trains("liff")) {
    r.fail(place + "loss", "prediction-l1 is liff's, which this stage does not train");
  }
  if (s.trains("mei")) {
    if (s.sizes != Sizes::kHalves) r.fail(place + "sizes", "must be halves: mei knows no other ratios");
    if (s.patch % (int64_t{2} * kMeiFactor << kMeiLayers) != 0) {
      r.fail(place + "patch", "must be a multiple of 128: mei halves that four times in its base layer");
    }
    if (s.search > 0 || !s.loop_filter.empty() || !s.quantiser.empty()) {
      r.fail(place + "search", "mei is trained without search, loop filter and quantiser");
    }
  }
  if (!s.quantiser.empty() && s.search > 0) {
    r.fail(place + "search", "moves symbols one by one, which a dependent quantiser does not allow");
  }
  if (s.crops == Crops::kGrid &&
      (in.contains("max_shrink") || s.own_scale > 0.0 || !s.shares.empty() || s.base_batch > 0)) {
    r.fail(
        place + "crops",
        "grid takes patches as they are: it goes with none of max_shrink, own_scale, shares and base_batch");
  }
  return s;
}

TrainingConfig parse_training(FieldReader& r, const json& in, const Parts& parts) {
  const std::string place = "training.";
  TrainingConfig t;
  t.seed = static_cast<uint64_t>(r.integer(in, place, "seed", 0, INT32_MAX, static_cast<int>(t.seed)));
  t.bf16 = choose<int>(r, in, place, "precision", {"f32", "bf16"}) == 1;
  t.validation_pictures = r.integer(in, place, "validation_pictures", 1, 1'000'000, t.validation_pictures);
  t.average = r.number(in, place, "average", 0.0, 1.0, t.average);
  t.checkpoint_seconds = r.number(in, place, "checkpoint_seconds", 0.0, kMaxSeconds, t.checkpoint_seconds);
  t.validate_seconds = r.number(in, place, "validate_seconds", 0.0, kMaxSeconds, t.validate_seconds);
  t.counted_patches =
      r.integer(in, place, "counted_patches", 0, 100'000'000, static_cast<int>(t.counted_patches));
  t.start = choose<Start>(r, in, place, "start", {"random", "linear"});
  t.eight_bits = r.texts(in, place, "eight_bits");
  t.data = r.text(in, place, "data", "");
  const json& stages = r.array(in, place, "stages");
  if (stages.empty()) r.fail(place + "stages", "must list a stage at least");
  for (size_t i = 0; i < stages.size(); ++i) {
    const std::string stage = place + "stages." + std::to_string(i);
    if (!stages[i].is_object()) {
      r.fail(stage, "must be an object");
      break;
    }
    t.stages.push_back(parse_stage(r, stages[i], stage + ".", parts));
  }
  return t;
}

// What the trainer's networks cannot be, although the runtime's can.
void check_trainable(FieldReader& r, const CodecDescription& codec, const std::string& name, bool searches) {
  if (codec.quantise != Quantise::kInteger) {
    r.fail("model." + name + ".quantise", "must be integer: medians are of imported models");
  }
  if (codec.filter)
    r.fail("model." + name + ".filter", "is not trained: compass-lab fit adds it to an exported model");
  if (codec.factorised() && searches)
    r.fail("model." + name + ".prior",
           "a factorised prior is trained without search and quantiser: leave them out");
  if (codec.trellis)
    r.fail("model." + name + ".trellis", "is not trained: compass-lab fit adds it to an exported model");
}

}  // namespace

Result<Config> parse_config(std::string_view text) {
  const auto bad = [](const std::string& what) { return Error{ErrorCode::kUsage, "configuration: " + what}; };
  json document;
  try {
    document = json::parse(text);
  } catch (const json::exception& e) {
    return bad("not JSON: " + std::string(e.what()));
  }
  if (!document.is_object()) return bad("not a JSON object");

  FieldReader r;
  const json* model = r.anything(document, "", "model");
  if (model == nullptr || !model->is_object()) return bad("model: needs an object");
  auto description = parse_description(model->dump());
  if (!description) return description.error();
  Config config;
  config.model = std::move(*description);
  if (const json* layers = r.anything(document, "", "mei"); layers != nullptr) {
    auto mei = parse_mei(layers->dump(), config.model.base);
    if (!mei) return mei.error();
    if (config.model.enhancement) r.fail("mei", "takes the place of enhancement and liff: leave these out");
    if (config.model.rate_points.size() != 1) r.fail("mei", "is trained for one rate point");
    config.mei = std::move(*mei);
  }
  config.training = parse_training(
      r, r.object(document, "", "training"),
      {config.model.enhancement.has_value(), config.mei.has_value(), config.model.rate_points.size()});
  const bool searches = std::ranges::any_of(
      config.training.stages, [](const Stage& s) { return s.search > 0 || !s.quantiser.empty(); });
  check_trainable(r, config.model.base, "base", searches);
  if (config.model.enhancement) check_trainable(r, *config.model.enhancement, "enhancement", searches);
  if (config.mei) {
    for (const MeiLayerDescription& layer : config.mei->layers) {
      check_trainable(r, layer.codec, "mei.layers", searches);
    }
  }
  r.refuse_unread(document);
  if (!r.ok()) return bad(r.problem());
  return config;
}

void keep_last_stage(TrainingConfig& training, int64_t steps) {
  training.stages.erase(training.stages.begin(), training.stages.end() - 1);
  training.stages.front().steps = steps;
}

}  // namespace compass::train
