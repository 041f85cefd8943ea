#include "eval/contestants.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "eval/peers/av1_layers.h"
#include "eval/peers/j2k_layers.h"
#include "eval/peers/program_codec.h"
#include "eval/peers/shvc_layers.h"

namespace compass::eval {

namespace {

constexpr std::array kOwnNames{"compass", "effort", "single-layer", "simulcast", "bicubic"};

}  // namespace

bool need_model(const std::vector<std::string>& names) {
  return std::find_first_of(names.begin(), names.end(), kOwnNames.begin(), kOwnNames.end()) != names.end();
}

std::vector<std::string> contestant_names() {
  std::vector<std::string> names(kOwnNames.begin(), kOwnNames.end());
  for (const ProgramCodecSpec& spec : picture_program_specs()) names.push_back(spec.name);
  names.emplace_back("av1-svc");
  names.emplace_back("shvc");
  return names;
}

Result<std::vector<Contestant>> make_contestants(const std::vector<std::string>& names,
                                                 const ContestantInputs& inputs,
                                                 std::vector<Failure>& missing) {
  const std::vector<std::string> known = contestant_names();
  for (const std::string& name : names) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      return Error{ErrorCode::kUsage,
                   fmt::format("no codec '{}'; choose from {}", name, fmt::join(known, ", "))};
    }
  }
  const auto wanted = [&](const char* name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  std::vector<Contestant> out;
  const bool single = wanted("single-layer");
  const bool simulcast = wanted("simulcast");
  if (need_model(names)) {
    if (inputs.compass.empty()) return Error{ErrorCode::kModel, "our own codec needs a model"};
    const auto ours = [&](CompassVariant variant) {
      return make_compass_codec(variant, inputs.compass, inputs.options, inputs.program);
    };
    if (wanted("compass")) out.push_back({ours(CompassVariant::kLayers), true, true});
    if (wanted("effort")) out.push_back({ours(CompassVariant::kEffort), true, true});
    if (wanted("bicubic")) out.push_back({ours(CompassVariant::kBicubic), true, true});
    if (single || simulcast) out.push_back({ours(CompassVariant::kBase), simulcast, single});
  }
  const auto add = [&](const std::string& name, Result<std::shared_ptr<const EvaluatedCodec>> codec) {
    if (codec) {
      out.push_back({std::move(*codec), true, true});
    } else {
      missing.push_back({name, codec.error().message});
    }
  };
  for (ProgramCodecSpec& spec : picture_program_specs()) {
    if (!wanted(spec.name.c_str())) continue;
    const std::string name = spec.name;
    if (name == "j2k") add("j2k, one stream", make_j2k_layers(inputs.files));
    add(name, make_program_codec(std::move(spec), inputs.files));
  }
  if (wanted("shvc")) add("shvc", make_shvc_layers(inputs.shvc));
  if (wanted("av1-svc")) add("av1-svc", make_av1_layers());
  for (const Rival& rival : inputs.rivals) {
    auto contestant = rival_contestant(rival, inputs.qualities, inputs.options, inputs.program);
    if (!contestant) return contestant.error();
    out.push_back(std::move(*contestant));
  }
  return out;
}

}  // namespace compass::eval
