#include "model_file/network_description.h"

#include <fmt/format.h>

#include <array>

#include "model_file/description.h"

namespace compass {
namespace {

using nlohmann::json;
using nn::Act;
using nn::Layer;
using nn::Op;

struct OpName {
  Op op;
  std::string_view name;
};
constexpr std::array kOps{
    OpName{Op::kConv, "conv"},           OpName{Op::kDeconv, "deconv"},   OpName{Op::kSubpel, "subpel"},
    OpName{Op::kUnshuffle, "unshuffle"}, OpName{Op::kShuffle, "shuffle"}, OpName{Op::kGdn, "gdn"},
    OpName{Op::kIgdn, "igdn"},           OpName{Op::kRes, "res"},         OpName{Op::kCondition, "condition"},
    OpName{Op::kRateGain, "rate_gain"},  OpName{Op::kIntConv, "int_conv"}};

std::string_view name_of(Op op) {
  for (const OpName& o : kOps) {
    if (o.op == op) return o.name;
  }
  return "?";
}

std::string_view name_of(Act act) {
  return act == Act::kRelu ? "relu" : act == Act::kLeakyRelu ? "leaky_relu" : "none";
}

constexpr std::array<std::string_view, 3> kActs{"none", "relu", "leaky_relu"};

Layer parse_layer(FieldReader& r, const json& in, const std::string& place) {
  Layer layer;
  if (!in.is_object()) {
    r.fail(place, "must be an object");
    return layer;
  }
  std::array<std::string_view, kOps.size()> names;
  for (size_t i = 0; i < kOps.size(); ++i) names[i] = kOps[i].name;
  layer.op = kOps[r.choice(in, place, "op", names)].op;
  const auto channels = [&](const char* key) { return r.integer(in, place, key, 1, kMaxChannels); };
  const auto factor = [&](int fallback) { return r.integer(in, place, "factor", 1, kMaxFactor, fallback); };
  const auto kernel = [&](int fallback) {
    const int k = r.integer(in, place, "kernel", 1, kMaxKernel, fallback);
    if (k % 2 == 0) r.fail(place + "kernel", "must be odd");
    return k;
  };
  switch (layer.op) {
    case Op::kConv:
      layer.in = channels("in");
      layer.out = channels("out");
      layer.kernel = kernel(3);
      layer.stride = r.integer(in, place, "stride", 1, 2, 1);
      layer.align = r.integer(in, place, "align", 1, kMaxFactor, layer.stride);
      if (layer.align % layer.stride != 0) r.fail(place + "align", "must be a multiple of the stride");
      break;
    case Op::kDeconv:
      layer.in = channels("in");
      layer.out = channels("out");
      layer.kernel = r.integer(in, place, "kernel", 5, 5, 5);
      layer.stride = r.integer(in, place, "stride", 2, 2, 2);
      break;
    case Op::kSubpel:
      layer.in = channels("in");
      layer.out = channels("out");
      layer.kernel = kernel(3);
      layer.factor = factor(-1);
      break;
    case Op::kUnshuffle:
    case Op::kShuffle:
      layer.factor = factor(-1);
      if (layer.op == Op::kUnshuffle) layer.align = layer.factor;
      break;
    case Op::kGdn:
    case Op::kIgdn:
    case Op::kRateGain:
      layer.in = layer.out = channels("channels");
      break;
    case Op::kRes:
      layer.in = layer.out = channels("channels");
      layer.kernel = kernel(3);
      layer.hidden = r.integer(in, place, "hidden", 1, kMaxChannels, layer.in);
      break;
    case Op::kCondition:
      layer.in = channels("in");
      layer.out = channels("out");
      layer.kernel = kernel(1);
      layer.factor = factor(-1);
      break;
    case Op::kIntConv:
      layer.in = channels("in");
      layer.out = channels("out");
      layer.kernel = kernel(3);
      layer.factor = factor(1);
      layer.limit = r.integer(in, place, "limit", 1, 255, 255);
      break;
  }
  layer.act = static_cast<Act>(r.choice(in, place, "act", kActs, "none"));
  const bool takes_act =
      layer.op == Op::kConv || layer.op == Op::kDeconv || layer.op == Op::kSubpel || layer.op == Op::kRes;
  if (!takes_act && layer.act != Act::kNone) r.fail(place + "act", "this op has no activation");
  return layer;
}

json to_json(const Layer& layer) {
  json out{{"op", name_of(layer.op)}};
  switch (layer.op) {
    case Op::kConv:
      out["align"] = layer.align;
      [[fallthrough]];
    case Op::kDeconv:
      out["stride"] = layer.stride;
      [[fallthrough]];
    case Op::kSubpel:
    case Op::kCondition:
    case Op::kIntConv:
      out["in"] = layer.in;
      out["out"] = layer.out;
      out["kernel"] = layer.kernel;
      break;
    case Op::kRes:
      out["kernel"] = layer.kernel;
      out["hidden"] = layer.hidden;
      [[fallthrough]];
    case Op::kGdn:
    case Op::kIgdn:
    case Op::kRateGain:
      out["channels"] = layer.in;
      break;
    case Op::kUnshuffle:
    case Op::kShuffle:
      break;
  }
  if (layer.op == Op::kSubpel || layer.op == Op::kUnshuffle || layer.op == Op::kShuffle ||
      layer.op == Op::kCondition || layer.op == Op::kIntConv) {
    out["factor"] = layer.factor;
  }
  if (layer.op == Op::kIntConv) out["limit"] = layer.limit;
  if (layer.act != Act::kNone) out["act"] = name_of(layer.act);
  return out;
}

}  // namespace

std::vector<Layer> parse_network(FieldReader& r, const json& codec, const std::string& place,
                                 const char* key) {
  std::vector<Layer> layers;
  const json& list = r.array(codec, place, key);
  if (list.empty()) r.fail(place + key, "has no layers");
  if (list.size() > static_cast<size_t>(kMaxLayers)) {
    r.fail(place + key, fmt::format("has more than {} layers", kMaxLayers));
    return layers;
  }
  for (size_t i = 0; i < list.size(); ++i) {
    layers.push_back(parse_layer(r, list[i], fmt::format("{}{}.{}.", place, key, i)));
  }
  return layers;
}

void check_network(FieldReader& r, std::vector<Layer>& layers, const std::string& place,
                   const NetworkRules& rules) {
  int channels = rules.in;
  int level =
      rules.analysis ? 1 : rules.factor;  // the map's sampling step, in pixels of the network's picture
  for (size_t i = 0; i < layers.size() && r.ok(); ++i) {
    Layer& layer = layers[i];
    const std::string where = fmt::format("{}.{}", place, i);
    if ((layer.op == Op::kIntConv) != rules.integer) {
      r.fail(where, fmt::format("'{}' has no place in this network", name_of(layer.op)));
    }
    if (rules.analysis ? layer.up() > 1 : layer.down() > 1) {
      r.fail(where, rules.analysis ? "an analysis network cannot enlarge maps"
                                   : "a synthesis network cannot shrink maps");
    }
    if (layer.op == Op::kCondition) {
      if (!rules.sees_prediction) r.fail(where, "only the enhancement codec's g_a and g_s see a prediction");
      if (layer.in != rules.prediction_channels) {
        r.fail(where + ".in", "must be the picture's channels");
      }
      if (layer.factor != level) {
        r.fail(where + ".factor", fmt::format("must be {}, the map's sampling step", level));
      }
      if (layer.out != channels) r.fail(where + ".out", fmt::format("must be {}", channels));
      continue;
    }
    if (layer.op == Op::kUnshuffle || layer.op == Op::kShuffle) {
      const int squared = layer.factor * layer.factor;
      layer.in = channels;
      if (layer.op == Op::kShuffle && channels % squared != 0) {
        r.fail(where, fmt::format("{} channels do not shuffle by {}", channels, layer.factor));
      }
      layer.out = layer.op == Op::kUnshuffle ? channels * squared : channels / squared;
    }
    if (layer.in != channels) {
      r.fail(where, fmt::format("takes {} channels but gets {}", layer.in, channels));
    }
    channels = layer.out;
    if (channels > kMaxChannels ||
        static_cast<int64_t>(layer.out) * layer.up() * layer.up() > int64_t{16} * kMaxChannels) {
      r.fail(where, fmt::format("makes more than {} channels", kMaxChannels));
    }
    level *= layer.down();
    if (level > kMaxTotalFactor) r.fail(where, "shrinks maps too far");
    level = layer.up() > 1 ? (level % layer.up() == 0 ? level / layer.up() : 0) : level;
    if (level == 0) r.fail(where, "enlarges maps too far");
  }
  if (channels != rules.out) r.fail(place, fmt::format("gives {} channels, needs {}", channels, rules.out));
}

json network_to_json(const std::vector<Layer>& layers) {
  json out = json::array();
  for (const Layer& layer : layers) out.push_back(to_json(layer));
  return out;
}

}  // namespace compass
