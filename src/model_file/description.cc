#include "model_file/description.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "graph/geometry.h"
#include "model_file/json_document.h"
#include "model_file/json_fields.h"
#include "model_file/network_description.h"

namespace compass {
namespace {

using nlohmann::json;
using nn::Op;

void check_mirror(FieldReader& r, const std::vector<Op>& analysis, const std::vector<Op>& synthesis,
                  const std::string& place) {
  if (!r.ok()) return;
  if (const Status mirrored = nn::check_mirror(analysis, synthesis); !mirrored) {
    r.fail(place, mirrored.error().message);
  }
}

TrellisDescription parse_trellis(FieldReader& r, const json& in, const std::string& place) {
  TrellisDescription trellis;
  trellis.step = r.number(in, place, "step", kMinTrellisStep, kMaxTrellisStep);
  const json& qualities = r.array(in, place, "coarser_below");
  if (qualities.size() > kMaxTrellisShift) {
    r.fail(place + "coarser_below", fmt::format("must list at most {} qualities", kMaxTrellisShift));
  }
  for (const json& quality : qualities) {
    if (!r.ok()) break;
    const double value = quality.is_number() ? quality.get<double>() : -1.0;
    if (!(value >= 0.0) || value > 100.0 ||
        (!trellis.coarser_below.empty() && value >= trellis.coarser_below.back())) {
      r.fail(place + "coarser_below", "must be qualities of 0 to 100, falling");
    }
    trellis.coarser_below.push_back(value);
  }
  return trellis;
}

CodecDescription parse_codec(FieldReader& r, const json& in, const std::string& name, bool reads_prediction) {
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
  if (in.contains("filter")) {
    codec.filter =
        r.integer(r.object(in, place, "filter"), place + "filter.", "directions", 0, kMaxFilterDirections);
  }
  if (in.contains("trellis")) {
    codec.trellis = parse_trellis(r, r.object(in, place, "trellis"), place + "trellis.");
    if (codec.h_scales.empty()) r.fail(place + "trellis", "needs h_scales");
  }
  if (!r.ok()) return codec;

  const int m = codec.latent_channels;
  const int z = codec.hyper_channels;
  const bool integer_scales = !codec.h_scales.empty();
  const NetworkRules picture{.in = codec.channels,
                             .out = m,
                             .reads_prediction = reads_prediction,
                             .prediction_channels = codec.channels};
  check_network(r, codec.g_a, place + "g_a", picture);
  if (!r.ok()) return codec;
  NetworkRules synthesis = picture;
  synthesis.in = m;
  synthesis.out = codec.channels;
  synthesis.analysis = false;
  synthesis.factor = nn::down_factor(codec.g_a);
  check_network(r, codec.g_s, place + "g_s", synthesis);
  if (codec.trellis && 16 % synthesis.factor != 0) {
    r.fail(place + "trellis", "needs a g_a that shrinks by 1, 2, 4, 8 or 16");
  }
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

LiffDescription parse_liff(FieldReader& r, const json& in) {
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

void parse_rate_points(FieldReader& r, const json& in, Description& d) {
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

json to_json(const CodecDescription& codec) {
  json out{{"channels", codec.channels},
           {"latent_channels", codec.latent_channels},
           {"hyper_channels", codec.hyper_channels},
           {"quantise", codec.quantise == Quantise::kInteger ? "integer" : "medians"}};
  out["g_a"] = network_to_json(codec.g_a);
  out["g_s"] = network_to_json(codec.g_s);
  out["h_a"] = network_to_json(codec.h_a);
  out["h_s"] = network_to_json(codec.h_s);
  if (!codec.h_scales.empty()) out["h_scales"] = network_to_json(codec.h_scales);
  if (codec.filter) out["filter"] = {{"directions", *codec.filter}};
  if (codec.trellis) {
    out["trellis"] = {{"step", codec.trellis->step}, {"coarser_below", codec.trellis->coarser_below}};
  }
  return out;
}

json to_json(const LiffDescription& liff) {
  return {{"g0", liff.g0},         {"blocks", liff.blocks},
          {"convs", liff.convs},   {"growth", liff.growth},
          {"hidden", liff.hidden}, {"residual", liff.bicubic_residual ? "bicubic" : "none"}};
}

json rules_of(const Description& d) {
  return {{"nearest", d.nearest == NearestRule::kInteger ? "integer" : "reference"},
          {"scale_token", d.scale_token == ScaleToken::kOwn ? "own" : "first"}};
}

}  // namespace

Result<Description> parse_description(std::string_view text) {
  const auto bad = [](const std::string& what) {
    return Error{ErrorCode::kModel, "model description: " + what};
  };
  if (text.size() > kMaxDescriptionBytes) return bad("longer than 1 MiB");
  JsonDocument parsed(text);
  json& document = parsed.value();
  if (!document.is_object()) return bad("not a JSON object");

  FieldReader r;
  Description d;
  d.name = r.text(document, "", "name");
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
  if (const json* provenance = r.anything(document, "", "provenance"); provenance != nullptr) {
    d.provenance = provenance->dump(-1, ' ', false, json::error_handler_t::replace);
  }
  r.refuse_unread(document);
  if (!r.ok()) return bad(r.problem());
  parsed.erase("provenance");
  d.canonical = document.dump(-1, ' ', false, json::error_handler_t::replace);
  return d;
}

std::string to_json(const Description& d) {
  json out{
      {"name", d.name}, {"rules", rules_of(d)}, {"rate_points", d.rate_points}, {"base", to_json(d.base)}};
  if (d.enhancement) out["enhancement"] = to_json(*d.enhancement);
  if (d.liff) out["liff"] = to_json(*d.liff);
  JsonDocument provenance(d.provenance);
  out["provenance"] = provenance.value().is_discarded() ? json::object() : provenance.value();
  return out.dump();
}

}  // namespace compass
