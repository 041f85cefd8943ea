#include "interop/reference_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace compass {
namespace {

constexpr int kDensityLayers = 5;  // CompressAI's default filters (3, 3, 3, 3)

// Parameters of one op, as both sides name them.
std::vector<std::string_view> parameters_of(nn::OpKind kind) {
  switch (kind) {
    case nn::OpKind::kConv:
    case nn::OpKind::kDeconv:
    case nn::OpKind::kSubpel:
    case nn::OpKind::kCondition:
      return {"weight", "bias"};
    case nn::OpKind::kGdn:
    case nn::OpKind::kIgdn:
      return {"beta", "gamma"};
    case nn::OpKind::kRes:
      return {"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias"};
    case nn::OpKind::kRateGain:
      return {"log_gain"};
    case nn::OpKind::kIntConv:
      return {"weight", "bias", "shift"};
    case nn::OpKind::kUnshuffle:
    case nn::OpKind::kShuffle:
      return {};
  }
  return {};
}

void add_network(std::string_view name, const std::vector<nn::Op>& ops, std::vector<NamePair>& out) {
  size_t module = 0;
  for (size_t i = 0; i < ops.size(); ++i) {
    for (const std::string_view parameter : parameters_of(ops[i].kind)) {
      out.push_back(
          {fmt::format("{}.{}.{}", name, i, parameter), fmt::format("{}.{}.{}", name, module, parameter)});
    }
    const bool inner_act = ops[i].kind == nn::OpKind::kRes;
    module += ops[i].act == nn::Act::kNone || inner_act ? 1 : 2;
  }
}

}  // namespace

std::pair<std::string_view, std::string_view> split_exported_name(std::string_view name) {
  for (const std::string_view prefix : {kBaseDictionary, kEnhancementDictionary, kLiffDictionary}) {
    if (name.starts_with(prefix) && name.size() > prefix.size() && name[prefix.size()] == '.') {
      return {prefix, name.substr(prefix.size() + 1)};
    }
  }
  return {"", name};
}

std::string canonical_key(std::string_view key) {
  for (bool stripped = true; stripped;) {
    stripped = false;
    for (const std::string_view wrapper : {"module.", "_orig_mod."}) {
      if (key.starts_with(wrapper)) {
        key.remove_prefix(wrapper.size());
        stripped = true;
      }
    }
  }
  constexpr std::string_view kBottleneck = "entropy_bottleneck.";
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kPlurals{
      {{"matrices.", "_matrix"}, {"biases.", "_bias"}, {"factors.", "_factor"}}};
  if (key.starts_with(kBottleneck)) {
    std::string_view rest = key.substr(kBottleneck.size());
    if (rest.starts_with('_')) {
      rest.remove_prefix(1);
    }
    for (const auto& [plural, singular] : kPlurals) {
      if (rest.starts_with(plural)) {
        return fmt::format("{}{}{}", kBottleneck, singular, rest.substr(plural.size()));
      }
    }
  }
  return std::string(key);
}

std::vector<NamePair> codec_names(const CodecDescription& codec) {
  std::vector<NamePair> out;
  add_network("g_a", codec.g_a, out);
  add_network("g_s", codec.g_s, out);
  add_network("h_a", codec.h_a, out);
  add_network("h_s", codec.h_s, out);
  add_network("h_scales", codec.h_scales, out);
  return out;
}

std::vector<NamePair> liff_names(const LiffDescription& liff) {
  std::vector<NamePair> out;
  const auto add = [&](const std::string& ours, const std::string& theirs) {
    out.push_back({ours + ".weight", theirs + ".weight"});
    out.push_back({ours + ".bias", theirs + ".bias"});
  };
  add("sfe1", "SFENet1");
  add("sfe2", "SFENet2");
  for (int b = 0; b < liff.blocks; ++b) {
    for (int i = 0; i < liff.convs; ++i) {
      add(fmt::format("rdb.{}.conv.{}", b, i), fmt::format("RDBs.{}.convs.{}.conv.0", b, i));
    }
    add(fmt::format("rdb.{}.fuse", b), fmt::format("RDBs.{}.LFF", b));
  }
  add("gff1", "GFF.0");
  add("gff2", "GFF.1");
  for (size_t i = 0; i <= liff.hidden.size(); ++i) {  // a ReLU behind every layer but the last
    add(fmt::format("mlp.{}", i), fmt::format("imnet.{}", 2 * i));
  }
  return out;
}

std::string_view bottleneck_of(const CodecDescription& codec) {
  return codec.factorised() ? "y" : "z";
}

std::vector<NamePair> density_names(const CodecDescription& codec) {
  std::vector<NamePair> out;
  const std::string ours = fmt::format("{}.density.", bottleneck_of(codec));
  for (int i = 0; i < kDensityLayers; ++i) {
    out.push_back({fmt::format("{}matrix{}", ours, i), fmt::format("entropy_bottleneck._matrix{}", i)});
    out.push_back({fmt::format("{}bias{}", ours, i), fmt::format("entropy_bottleneck._bias{}", i)});
    if (i + 1 < kDensityLayers) {
      out.push_back({fmt::format("{}factor{}", ours, i), fmt::format("entropy_bottleneck._factor{}", i)});
    }
  }
  out.push_back({ours + "quantiles", "entropy_bottleneck.quantiles"});
  return out;
}

bool is_constant_key(std::string_view key) {
  constexpr std::array<std::string_view, 8> kExact{
      "entropy_bottleneck.target",        "entropy_bottleneck.likelihood_lower_bound.bound",
      "gaussian_conditional.scale_table", "gaussian_conditional.scale_bound",
      "gaussian_conditional._offset",     "gaussian_conditional.likelihood_lower_bound.bound",
      "gaussian_conditional._cdf_length", "gaussian_conditional.lower_bound_scale.bound"};
  constexpr std::array<std::string_view, 2> kEndings{"_reparam.pedestal", "_reparam.lower_bound.bound"};
  return std::find(kExact.begin(), kExact.end(), key) != kExact.end() ||
         std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view end) { return key.ends_with(end); });
}

}  // namespace compass
