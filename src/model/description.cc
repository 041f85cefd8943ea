#include "model/description.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "core/printable.h"
#include "nn/geometry.h"

namespace compass {
namespace {

using nlohmann::json;
using nn::Act;
using nn::Layer;
using nn::Op;

constexpr int kMaxDepth = 32;  // of nested JSON; provenance is free-form

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

// Takes fields out of a JSON document and remembers the first thing wrong, so that parsing code reads
// straight through; values after an error are defaults.
class Reader {
 public:
  bool ok() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  void fail(const std::string& place, const std::string& what) {
    if (ok()) problem_ = place + ": " + what;
  }

  const json& object(const json& in, const std::string& place, const char* key) {
    static const json kEmpty = json::object();
    const auto it = in.find(key);
    if (it == in.end() || !it->is_object()) {
      fail(place + key, "needs an object");
      return kEmpty;
    }
    return *it;
  }
  const json& array(const json& in, const std::string& place, const char* key) {
    static const json kEmpty = json::array();
    const auto it = in.find(key);
    if (it == in.end() || !it->is_array()) {
      fail(place + key, "needs a list");
      return kEmpty;
    }
    return *it;
  }
  // `fallback` < 0: the field is required.
  int integer(const json& in, const std::string& place, const char* key, int low, int high,
              int fallback = -1) {
    const auto it = in.find(key);
    if (it == in.end() && fallback >= 0) return fallback;
    if (it == in.end()) {
      fail(place + key, "is missing");
      return low;
    }
    return integer_value(*it, place + key, low, high);
  }
  int integer_value(const json& value, const std::string& place, int low, int high) {
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT32_MAX) ||
        value.get<int64_t>() < low || value.get<int64_t>() > high) {
      fail(place, fmt::format("must be a whole number in {}..{}", low, high));
      return low;
    }
    return value.get<int>();
  }
  // The index of the field's text among `choices`; an empty fallback makes it required.
  template <size_t N>
  size_t choice(const json& in, const std::string& place, const char* key,
                const std::array<std::string_view, N>& choices, std::string_view fallback = {}) {
    const auto it = in.find(key);
    std::string text(fallback);
    if (it != in.end() && it->is_string()) text = it->get<std::string>();
    for (size_t i = 0; i < N; ++i) {
      if (text == choices[i] && (it == in.end() || it->is_string())) return i;
    }
    fail(place + key, "is " + (text.empty() ? std::string("missing or not a text") : printable(text)) +
                          ", not one of the known choices");
    return 0;
  }

 private:
  std::string problem_;
};

constexpr std::array<std::string_view, 3> kActs{"none", "relu", "leaky_relu"};

Layer parse_layer(Reader& r, const json& in, const std::string& place) {
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

std::vector<Layer> parse_network(Reader& r, const json& codec, const std::string& place, const char* key) {
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

// What a network may contain and must connect.
struct NetworkRules {
  int in = 0;
  int out = 0;
  bool analysis = true;  // may shrink maps; else may enlarge them
  bool sees_prediction = false;
  bool integer = false;
  int prediction_channels = 0;
  int factor = 1;  // of the prediction's resolution to the input's of a synthesis network
};

// Checks one network: ops allowed there, channels that chain up; fills in the channels of the shuffles.
void check_network(Reader& r, std::vector<Layer>& layers, const std::string& place,
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
        static_cast<int64_t>(layer.out) * layer.up() * layer.up() > 16 * kMaxChannels) {
      r.fail(where, fmt::format("makes more than {} channels", kMaxChannels));
    }
    level *= layer.down();
    if (level > kMaxTotalFactor) r.fail(where, "shrinks maps too far");
    level = layer.up() > 1 ? (level % layer.up() == 0 ? level / layer.up() : 0) : level;
    if (level == 0) r.fail(where, "enlarges maps too far");
  }
  if (channels != rules.out) r.fail(place, fmt::format("gives {} channels, needs {}", channels, rules.out));
}

void check_mirror(Reader& r, const std::vector<Layer>& analysis, const std::vector<Layer>& synthesis,
                  const std::string& place) {
  if (!r.ok()) return;
  if (const Status mirrored = nn::check_mirror(analysis, synthesis); !mirrored) {
    r.fail(place, mirrored.error().message);
  }
}

CodecDescription parse_codec(Reader& r, const json& in, const std::string& name, bool sees_prediction) {
  const std::string place = name + ".";
  CodecDescription codec;
  codec.channels = r.integer(in, place, "channels", 3, 3, 3);
  codec.latent_channels = r.integer(in, place, "latent_channels", 1, kMaxChannels);
  codec.hyper_channels = r.integer(in, place, "hyper_channels", 1, kMaxChannels);
  codec.quantise = static_cast<Quantise>(
      1 - r.choice(in, place, "quantise", std::array<std::string_view, 2>{"integer", "medians"}));
  codec.g_a = parse_network(r, in, place, "g_a");
  codec.g_s = parse_network(r, in, place, "g_s");
  codec.h_a = parse_network(r, in, place, "h_a");
  codec.h_s = parse_network(r, in, place, "h_s");
  if (in.contains("h_scales")) codec.h_scales = parse_network(r, in, place, "h_scales");
  if (!r.ok()) return codec;

  const int m = codec.latent_channels;
  const int z = codec.hyper_channels;
  const bool integer_scales = !codec.h_scales.empty();
  const NetworkRules picture{.in = codec.channels,
                             .out = m,
                             .sees_prediction = sees_prediction,
                             .prediction_channels = codec.channels};
  check_network(r, codec.g_a, place + "g_a", picture);
  if (!r.ok()) return codec;
  NetworkRules synthesis = picture;
  synthesis.in = m;
  synthesis.out = codec.channels;
  synthesis.analysis = false;
  synthesis.factor = nn::down_factor(codec.g_a);
  check_network(r, codec.g_s, place + "g_s", synthesis);
  check_network(r, codec.h_a, place + "h_a", {.in = m, .out = z});
  if (!r.ok()) return codec;
  const int hyper_factor = nn::down_factor(codec.h_a);
  if (hyper_factor * synthesis.factor > kMaxTotalFactor) r.fail(place + "h_a", "shrinks maps too far");
  check_network(r, codec.h_s, place + "h_s",
                {.in = z, .out = integer_scales ? m : 2 * m, .analysis = false, .factor = hyper_factor});
  check_mirror(r, codec.g_a, codec.g_s, place + "g_s");
  check_mirror(r, codec.h_a, codec.h_s, place + "h_s");
  if (integer_scales) {
    check_network(r, codec.h_scales, place + "h_scales",
                  {.in = z, .out = m, .analysis = false, .integer = true, .factor = hyper_factor});
    check_mirror(r, codec.h_a, codec.h_scales, place + "h_scales");
    if (r.ok() && codec.h_scales.back().limit != 63) {
      r.fail(fmt::format("{}h_scales.{}.limit", place, codec.h_scales.size() - 1), "must be 63");
    }
  }
  return codec;
}

LiffDescription parse_liff(Reader& r, const json& in) {
  LiffDescription liff;
  liff.g0 = r.integer(in, "liff.", "g0", 1, 512);
  liff.blocks = r.integer(in, "liff.", "blocks", 1, 32);
  liff.convs = r.integer(in, "liff.", "convs", 1, 32);
  liff.growth = r.integer(in, "liff.", "growth", 1, 512);
  const json& hidden = r.array(in, "liff.", "hidden");
  if (hidden.empty() || hidden.size() > 16) r.fail("liff.hidden", "must list 1 to 16 widths");
  for (size_t i = 0; i < hidden.size() && r.ok(); ++i) {
    liff.hidden.push_back(r.integer_value(hidden[i], fmt::format("liff.hidden.{}", i), 1, kMaxChannels));
  }
  liff.bicubic_residual =
      r.choice(in, "liff.", "residual", std::array<std::string_view, 2>{"none", "bicubic"}, "none") == 1;
  if (liff.g0 + liff.convs * liff.growth > kMaxChannels || liff.g0 * liff.blocks > kMaxChannels) {
    r.fail("liff", fmt::format("concatenates more than {} channels", kMaxChannels));
  }
  return liff;
}

void parse_rate_points(Reader& r, const json& in, Description& d) {
  const json& points = r.array(in, "", "rate_points");
  if (points.empty() || points.size() > static_cast<size_t>(kMaxRatePoints)) {
    r.fail("rate_points", fmt::format("must list 1 to {} lambdas", kMaxRatePoints));
    return;
  }
  for (const json& point : points) {
    const double value = point.is_number() ? point.get<double>() : 0.0;
    if (!(value > 0.0) || value > 1e6 || (!d.rate_points.empty() && value <= d.rate_points.back())) {
      r.fail("rate_points", "must be positive and rising");
      return;
    }
    d.rate_points.push_back(value);
  }
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

json to_json(const CodecDescription& codec) {
  json out{{"channels", codec.channels},
           {"latent_channels", codec.latent_channels},
           {"hyper_channels", codec.hyper_channels},
           {"quantise", codec.quantise == Quantise::kInteger ? "integer" : "medians"}};
  const auto add = [&](const char* key, const std::vector<Layer>& layers) {
    out[key] = json::array();
    for (const Layer& layer : layers) out[key].push_back(to_json(layer));
  };
  add("g_a", codec.g_a);
  add("g_s", codec.g_s);
  add("h_a", codec.h_a);
  add("h_s", codec.h_s);
  if (!codec.h_scales.empty()) add("h_scales", codec.h_scales);
  return out;
}

// Parses with a bound on nesting, so that nothing that walks the document recursively can overflow a stack.
json parse_bounded(std::string_view text) {
  bool too_deep = false;
  const json::parser_callback_t watch = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kMaxDepth;
    return !too_deep;
  };
  json document = json::parse(text, watch, /*allow_exceptions=*/false);
  return too_deep ? json(json::value_t::discarded) : document;
}

}  // namespace

Result<Description> parse_description(std::string_view text) {
  const auto bad = [](const std::string& what) {
    return Error{ErrorCode::kModel, "model description: " + what};
  };
  if (text.size() > kMaxDescriptionBytes) return bad("longer than 1 MiB");
  json document = parse_bounded(text);
  if (!document.is_object()) return bad("not a JSON object");

  Reader r;
  Description d;
  if (const auto it = document.find("name"); it != document.end() && it->is_string()) {
    d.name = it->get<std::string>();
  }
  if (d.name.empty() || d.name.size() > 64) r.fail("name", "needs 1 to 64 characters");
  for (const char c : d.name) {
    if (c < '!' || c > '~') r.fail("name", "may hold printable ASCII without blanks only");
  }
  const json& rules = r.object(document, "", "rules");
  d.nearest = static_cast<NearestRule>(
      r.choice(rules, "rules.", "nearest", std::array<std::string_view, 2>{"integer", "reference"}));
  d.scale_token = static_cast<ScaleToken>(
      r.choice(rules, "rules.", "scale_token", std::array<std::string_view, 2>{"own", "first"}));
  parse_rate_points(r, document, d);
  d.base = parse_codec(r, r.object(document, "", "base"), "base", false);
  const bool layered = document.contains("enhancement");
  if (layered != document.contains("liff")) {
    r.fail(layered ? "liff" : "enhancement", "is missing: enhancement and liff come together");
  }
  if (layered) {
    d.enhancement = parse_codec(r, r.object(document, "", "enhancement"), "enhancement", true);
    d.liff = parse_liff(r, r.object(document, "", "liff"));
  }
  d.provenance = "{}";
  if (const auto it = document.find("provenance"); it != document.end()) {
    d.provenance = it->dump(-1, ' ', false, json::error_handler_t::replace);
    document.erase(it);
  }
  if (!r.ok()) return bad(r.problem());
  d.canonical = document.dump(-1, ' ', false, json::error_handler_t::replace);
  return d;
}

std::string to_json(const Description& d) {
  json out{{"name", d.name},
           {"rules",
            {{"nearest", d.nearest == NearestRule::kInteger ? "integer" : "reference"},
             {"scale_token", d.scale_token == ScaleToken::kOwn ? "own" : "first"}}},
           {"rate_points", d.rate_points},
           {"base", to_json(d.base)}};
  if (d.enhancement) out["enhancement"] = to_json(*d.enhancement);
  if (d.liff) {
    out["liff"] = {{"g0", d.liff->g0},         {"blocks", d.liff->blocks},
                   {"convs", d.liff->convs},   {"growth", d.liff->growth},
                   {"hidden", d.liff->hidden}, {"residual", d.liff->bicubic_residual ? "bicubic" : "none"}};
  }
  json provenance = parse_bounded(d.provenance);
  out["provenance"] = provenance.is_discarded() ? json::object() : std::move(provenance);
  return out.dump();
}

}  // namespace compass
