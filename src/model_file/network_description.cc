#include "model_file/network_description.h"

#include <fmt/format.h>

#include <array>

#include "model_file/description.h"

namespace compass {
namespace {

using nlohmann::json;
using nn::Act;
using nn::Op;
using nn::OpKind;

struct OpName {
  OpKind kind;
  std::string_view name;
};
constexpr std::array kOps{OpName{OpKind::kConv, "conv"},           OpName{OpKind::kDeconv, "deconv"},
                          OpName{OpKind::kSubpel, "subpel"},       OpName{OpKind::kUnshuffle, "unshuffle"},
                          OpName{OpKind::kShuffle, "shuffle"},     OpName{OpKind::kGdn, "gdn"},
                          OpName{OpKind::kIgdn, "igdn"},           OpName{OpKind::kRes, "res"},
                          OpName{OpKind::kCondition, "condition"}, OpName{OpKind::kRateGain, "rate_gain"},
                          OpName{OpKind::kIntConv, "int_conv"}};

std::string_view name_of(OpKind kind) {
  for (const OpName& o : kOps) {
    if (o.kind == kind) return o.name;
  }
  return "?";
}

std::string_view name_of(Act act) {
  return act == Act::kRelu ? "relu" : act == Act::kLeakyRelu ? "leaky_relu" : "none";
}

constexpr std::array<std::string_view, 3> kActs{"none", "relu", "leaky_relu"};

Op parse_op(FieldReader& r, const json& in, const std::string& place) {
  Op op;
  if (!in.is_object()) {
    r.fail(place, "must be an object");
    return op;
  }
  std::array<std::string_view, kOps.size()> names;
  for (size_t i = 0; i < kOps.size(); ++i) names[i] = kOps[i].name;
  op.kind = kOps[r.choice(in, place, "op", names)].kind;
  const auto channels = [&](const char* key) { return r.integer(in, place, key, 1, kMaxChannels); };
  const auto factor = [&](int fallback) { return r.integer(in, place, "factor", 1, kMaxFactor, fallback); };
  const auto kernel = [&](int fallback) {
    const int k = r.integer(in, place, "kernel", 1, kMaxKernel, fallback);
    if (k % 2 == 0) r.fail(place + "kernel", "must be odd");
    return k;
  };
  switch (op.kind) {
    case OpKind::kConv:
      op.in = channels("in");
      op.out = channels("out");
      op.kernel = kernel(3);
      op.stride = r.integer(in, place, "stride", 1, 2, 1);
      op.align = r.integer(in, place, "align", 1, kMaxFactor, op.stride);
      if (op.align % op.stride != 0) r.fail(place + "align", "must be a multiple of the stride");
      break;
    case OpKind::kDeconv:
      op.in = channels("in");
      op.out = channels("out");
      op.kernel = r.integer(in, place, "kernel", 5, 5, 5);
      op.stride = r.integer(in, place, "stride", 2, 2, 2);
      break;
    case OpKind::kSubpel:
      op.in = channels("in");
      op.out = channels("out");
      op.kernel = kernel(3);
      op.factor = factor(-1);
      break;
    case OpKind::kUnshuffle:
    case OpKind::kShuffle:
      op.factor = factor(-1);
      if (op.kind == OpKind::kUnshuffle) op.align = op.factor;
      break;
    case OpKind::kGdn:
    case OpKind::kIgdn:
    case OpKind::kRateGain:
      op.in = op.out = channels("channels");
      break;
    case OpKind::kRes:
      op.in = op.out = channels("channels");
      op.kernel = kernel(3);
      op.hidden = r.integer(in, place, "hidden", 1, kMaxChannels, op.in);
      break;
    case OpKind::kCondition:
      op.in = channels("in");
      op.out = channels("out");
      op.kernel = kernel(1);
      op.factor = factor(-1);
      break;
    case OpKind::kIntConv:
      op.in = channels("in");
      op.out = channels("out");
      op.kernel = kernel(3);
      op.factor = factor(1);
      op.limit = r.integer(in, place, "limit", 1, 255, 255);
      break;
  }
  op.act = static_cast<Act>(r.choice(in, place, "act", kActs, "none"));
  const bool takes_act = op.kind == OpKind::kConv || op.kind == OpKind::kDeconv ||
                         op.kind == OpKind::kSubpel || op.kind == OpKind::kRes;
  if (!takes_act && op.act != Act::kNone) r.fail(place + "act", "this op has no activation");
  return op;
}

json to_json(const Op& op) {
  json out{{"op", name_of(op.kind)}};
  switch (op.kind) {
    case OpKind::kConv:
      out["align"] = op.align;
      [[fallthrough]];
    case OpKind::kDeconv:
      out["stride"] = op.stride;
      [[fallthrough]];
    case OpKind::kSubpel:
    case OpKind::kCondition:
    case OpKind::kIntConv:
      out["in"] = op.in;
      out["out"] = op.out;
      out["kernel"] = op.kernel;
      break;
    case OpKind::kRes:
      out["kernel"] = op.kernel;
      out["hidden"] = op.hidden;
      [[fallthrough]];
    case OpKind::kGdn:
    case OpKind::kIgdn:
    case OpKind::kRateGain:
      out["channels"] = op.in;
      break;
    case OpKind::kUnshuffle:
    case OpKind::kShuffle:
      break;
  }
  if (op.kind == OpKind::kSubpel || op.kind == OpKind::kUnshuffle || op.kind == OpKind::kShuffle ||
      op.kind == OpKind::kCondition || op.kind == OpKind::kIntConv) {
    out["factor"] = op.factor;
  }
  if (op.kind == OpKind::kIntConv) out["limit"] = op.limit;
  if (op.act != Act::kNone) out["act"] = name_of(op.act);
  return out;
}

}  // namespace

std::vector<Op> parse_network(FieldReader& r, const json& codec, const std::string& place, const char* key) {
  std::vector<Op> ops;
  const json& list = r.array(codec, place, key);
  if (list.empty()) r.fail(place + key, "has no ops");
  if (list.size() > static_cast<size_t>(kMaxOps)) {
    r.fail(place + key, fmt::format("has more than {} ops", kMaxOps));
    return ops;
  }
  for (size_t i = 0; i < list.size(); ++i) {
    ops.push_back(parse_op(r, list[i], fmt::format("{}{}.{}.", place, key, i)));
  }
  return ops;
}

void check_network(FieldReader& r, std::vector<Op>& ops, const std::string& place,
                   const NetworkRules& rules) {
  int channels = rules.in;
  int level = rules.analysis ? 1 : rules.factor;  // the map's stride, in pixels of the network's picture
  for (size_t i = 0; i < ops.size() && r.ok(); ++i) {
    Op& op = ops[i];
    const std::string where = fmt::format("{}.{}", place, i);
    if ((op.kind == OpKind::kIntConv) != rules.integer) {
      r.fail(where, fmt::format("'{}' has no place in this network", name_of(op.kind)));
    }
    if (rules.analysis ? op.up() > 1 : op.down() > 1) {
      r.fail(where, rules.analysis ? "an analysis network cannot enlarge maps"
                                   : "a synthesis network cannot shrink maps");
    }
    if (op.kind == OpKind::kCondition) {
      if (!rules.reads_prediction)
        r.fail(where, "only the enhancement codec's g_a and g_s have a prediction");
      if (op.in != rules.prediction_channels) {
        r.fail(where + ".in", "must be the picture's channels");
      }
      if (op.factor != level) {
        r.fail(where + ".factor", fmt::format("must be {}, the map's stride", level));
      }
      if (op.out != channels) r.fail(where + ".out", fmt::format("must be {}", channels));
      continue;
    }
    if (op.kind == OpKind::kUnshuffle || op.kind == OpKind::kShuffle) {
      const int squared = op.factor * op.factor;
      op.in = channels;
      if (op.kind == OpKind::kShuffle && channels % squared != 0) {
        r.fail(where, fmt::format("{} channels do not shuffle by {}", channels, op.factor));
      }
      op.out = op.kind == OpKind::kUnshuffle ? channels * squared : channels / squared;
    }
    if (op.in != channels) {
      r.fail(where, fmt::format("takes {} channels but gets {}", op.in, channels));
    }
    channels = op.out;
    if (channels > kMaxChannels ||
        static_cast<int64_t>(op.out) * op.up() * op.up() > int64_t{16} * kMaxChannels) {
      r.fail(where, fmt::format("makes more than {} channels", kMaxChannels));
    }
    level *= op.down();
    if (level > kMaxTotalFactor) r.fail(where, "shrinks maps too far");
    level = op.up() > 1 ? (level % op.up() == 0 ? level / op.up() : 0) : level;
    if (level == 0) r.fail(where, "enlarges maps too far");
  }
  if (channels != rules.out) r.fail(place, fmt::format("gives {} channels, needs {}", channels, rules.out));
}

json network_to_json(const std::vector<Op>& ops) {
  json out = json::array();
  for (const Op& op : ops) out.push_back(to_json(op));
  return out;
}

}  // namespace compass
