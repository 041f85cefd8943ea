#include "stage.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

namespace compass::train {
namespace {

using nlohmann::json;

constexpr double kLastRate = 0.01;  // of the stage's rate: decays end here, not at a standstill

template <typename T>
T choose(const json& d, const char* key, const std::string& fallback,
         const std::map<std::string, T>& choices) {
  const std::string value = d.value(key, fallback);
  const auto found = choices.find(value);
  std::string known;
  for (const auto& [name, _] : choices) known += (known.empty() ? "" : ", ") + name;
  TORCH_CHECK(found != choices.end(), "stage '", d.value("name", ""), "': ", key, " is '", value,
              "', not one of ", known);
  return found->second;
}

}  // namespace

bool Stage::trains(const std::string& part) const {
  return std::find(train.begin(), train.end(), part) != train.end();
}

double Stage::rate_at(int64_t step) const {
  const double warm =
      warmup > 0 ? std::min(1.0, static_cast<double>(step + 1) / static_cast<double>(warmup)) : 1.0;
  const double part = static_cast<double>(step) / static_cast<double>(steps);
  double factor = 1.0;
  if (decay == "cosine") factor = 0.5 * (1.0 + std::cos(M_PI * part));
  if (decay == "linear") factor = 1.0 - part;
  if (decay == "halve3") factor = std::pow(0.5, std::floor(part * 3.0));
  if (decay == "halve4") factor = std::pow(0.5, std::floor(part * 4.0));
  return rate * warm * std::max(factor, kLastRate);
}

Stage parse_stage(const json& d) {
  static const std::set<std::string> known{"name",        "train", "prediction", "loss",       "sizes",
                                           "steps",       "batch", "patch",      "base_batch", "max_shrink",
                                           "warmup",      "decay", "rate",       "optimiser",  "liff_every",
                                           "loop_filter", "search"};
  Stage s;
  s.name = d.value("name", "");
  for (const auto& [key, _] : d.items()) {
    TORCH_CHECK(known.count(key) > 0, "stage '", s.name, "': unknown key '", key, "'");
  }
  for (const char* key : {"name", "train", "steps"}) {
    TORCH_CHECK(d.contains(key), "stage '", s.name, "': '", key, "' is missing");
  }
  s.train = d.at("train").get<std::vector<std::string>>();
  for (const auto& part : s.train) {
    TORCH_CHECK(part == "base" || part == "enhancement" || part == "liff", "stage '", s.name,
                "': train lists '", part, "', not one of base, enhancement, liff");
  }
  s.prediction = choose<Prediction>(d, "prediction", "bicubic",
                                    {{"bicubic", Prediction::kBicubic}, {"liff", Prediction::kLiff}});
  s.loss = choose<Loss>(d, "loss", "rate-distortion",
                        {{"rate-distortion", Loss::kRateDistortion}, {"prediction-l1", Loss::kPredictionL1}});
  s.sizes = choose<Sizes>(d, "sizes", "any", {{"any", Sizes::kAny}, {"paper", Sizes::kPaper}});
  s.decay = choose<std::string>(d, "decay", "constant",
                                {{"constant", "constant"},
                                 {"linear", "linear"},
                                 {"cosine", "cosine"},
                                 {"halve3", "halve3"},
                                 {"halve4", "halve4"}});
  s.optimiser = choose<std::string>(d, "optimiser", "adam", {{"adam", "adam"}, {"muon", "muon"}});
  s.loop_filter = d.value("loop_filter", s.loop_filter);
  s.steps = d.at("steps");
  s.batch = d.value("batch", s.batch);
  s.base_batch = d.value("base_batch", s.base_batch);
  s.patch = d.value("patch", s.patch);
  s.liff_every = d.value("liff_every", s.liff_every);
  s.search = d.value("search", s.search);
  s.max_shrink = d.value("max_shrink", s.max_shrink);
  s.rate = d.value("rate", s.rate);
  s.warmup = d.value("warmup", s.warmup);
  TORCH_CHECK(s.steps > 0 && s.batch > 0 && s.liff_every > 0 && s.base_batch >= 0, "stage '", s.name,
              "': steps, batch and liff_every must be at least 1, base_batch at least 0");
  TORCH_CHECK(s.patch >= 64 && s.patch <= 4096, "stage '", s.name, "': patch must be 64 to 4096 pixels");
  return s;
}

}  // namespace compass::train
