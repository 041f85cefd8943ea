#include "model_file/codec_description.h"

#include <fmt/format.h>

#include <array>

#include "graph/geometry.h"
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

// The networks and fields of a hyperprior, or their absence.
void parse_prior(FieldReader& r, const json& in, const std::string& place, CodecDescription& codec) {
  if (codec.factorised()) {
    for (const char* key : {"hyper_channels", "h_a", "h_s", "h_scales", "trellis"}) {
      if (in.contains(key)) r.fail(place + key, "a codec with a factorised prior has none");
    }
    return;
  }
  codec.hyper_channels = r.integer(in, place, "hyper_channels", 1, kMaxChannels);
  codec.h_a = parse_network(r, in, place, "h_a");
  codec.h_s = parse_network(r, in, place, "h_s");
  if (in.contains("h_scales")) codec.h_scales = parse_network(r, in, place, "h_scales");
}

// Checks the networks of a hyperprior for pictures that g_a shrinks by `factor`.
void check_hyperprior(FieldReader& r, CodecDescription& codec, const std::string& place, int factor) {
  const int m = codec.latent_channels;
  const int z = codec.hyper_channels;
  const bool integer_scales = !codec.h_scales.empty();
  check_network(r, codec.h_a, place + "h_a", {.in = m, .out = z});
  if (!r.ok()) return;
  const int hyper_factor = nn::down_factor(codec.h_a);
  if (hyper_factor * factor > kMaxTotalFactor) r.fail(place + "h_a", "shrinks maps too far");
  check_network(r, codec.h_s, place + "h_s",
                {.in = z, .out = integer_scales ? m : 2 * m, .analysis = false, .factor = hyper_factor});
  check_mirror(r, codec.h_a, codec.h_s, place + "h_s");
  if (!integer_scales) return;
  check_network(r, codec.h_scales, place + "h_scales",
                {.in = z, .out = m, .analysis = false, .integer = true, .factor = hyper_factor});
  check_mirror(r, codec.h_a, codec.h_scales, place + "h_scales");
  if (r.ok() && codec.h_scales.back().limit != 63) {
    r.fail(fmt::format("{}h_scales.{}.limit", place, codec.h_scales.size() - 1), "must be 63");
  }
}

}  // namespace

CodecDescription parse_codec(FieldReader& r, const json& in, const std::string& name,
                             const CodecRules& rules) {
  const std::string place = name + ".";
  CodecDescription codec;
  codec.prior = static_cast<Prior>(r.choice(
      in, place, "prior", std::array<std::string_view, 2>{"hyperprior", "factorised"}, "hyperprior"));
  codec.channels = r.integer(in, place, "channels", 3, 3, 3);
  codec.latent_channels =
      r.integer(in, place, "latent_channels", 1, codec.factorised() ? kMaxFactorisedChannels : kMaxChannels);
  codec.quantise = static_cast<Quantise>(
      1 - r.choice(in, place, "quantise", std::array<std::string_view, 2>{"integer", "medians"}));
  codec.g_a = parse_network(r, in, place, "g_a");
  codec.g_s = parse_network(r, in, place, "g_s");
  parse_prior(r, in, place, codec);
  if (in.contains("filter")) {
    codec.filter =
        r.integer(r.object(in, place, "filter"), place + "filter.", "directions", 0, kMaxFilterDirections);
  }
  if (in.contains("trellis") && !codec.factorised()) {
    codec.trellis = parse_trellis(r, r.object(in, place, "trellis"), place + "trellis.");
    if (codec.h_scales.empty()) r.fail(place + "trellis", "needs h_scales");
  }
  if (!r.ok()) return codec;

  const NetworkRules picture{.in = codec.channels,
                             .out = codec.latent_channels,
                             .reads_prediction = rules.reads_prediction,
                             .prediction_channels = codec.channels};
  check_network(r, codec.g_a, place + "g_a", picture);
  if (!r.ok()) return codec;
  NetworkRules synthesis = picture;
  synthesis.in = codec.latent_channels + rules.context_channels;
  synthesis.out = codec.channels;
  synthesis.analysis = false;
  synthesis.factor = nn::down_factor(codec.g_a);
  check_network(r, codec.g_s, place + "g_s", synthesis);
  if (codec.trellis && 16 % synthesis.factor != 0) {
    r.fail(place + "trellis", "needs a g_a that shrinks by 1, 2, 4, 8 or 16");
  }
  check_mirror(r, codec.g_a, codec.g_s, place + "g_s");
  if (r.ok() && !codec.factorised()) check_hyperprior(r, codec, place, synthesis.factor);
  return codec;
}

json codec_to_json(const CodecDescription& codec) {
  json out{{"channels", codec.channels},
           {"latent_channels", codec.latent_channels},
           {"quantise", codec.quantise == Quantise::kInteger ? "integer" : "medians"}};
  out["g_a"] = network_to_json(codec.g_a);
  out["g_s"] = network_to_json(codec.g_s);
  if (codec.factorised()) {
    out["prior"] = "factorised";
  } else {
    out["hyper_channels"] = codec.hyper_channels;
    out["h_a"] = network_to_json(codec.h_a);
    out["h_s"] = network_to_json(codec.h_s);
  }
  if (!codec.h_scales.empty()) out["h_scales"] = network_to_json(codec.h_scales);
  if (codec.filter) out["filter"] = {{"directions", *codec.filter}};
  if (codec.trellis) {
    out["trellis"] = {{"step", codec.trellis->step}, {"coarser_below", codec.trellis->coarser_below}};
  }
  return out;
}

}  // namespace compass
