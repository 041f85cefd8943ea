#include "model_file/description.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "model_file/codec_description.h"
#include "model_file/json_document.h"
#include "model_file/json_fields.h"

namespace compass {
namespace {

using nlohmann::json;

LiffDescription parse_liff(FieldReader& r, const json& in) {
  LiffDescription liff;
  liff.kind = static_cast<LiffKind>(
      r.choice(in, "liff.", "kind", std::array<std::string_view, 2>{"liff", "liif"}, "liff"));
  liff.g0 = r.integer(in, "liff.", "g0", 1, 512);
  liff.blocks = r.integer(in, "liff.", "blocks", 1, 32);
  liff.convs = r.integer(in, "liff.", "convs", 1, 32);
  liff.growth = r.integer(in, "liff.", "growth", 1, 512);
  liff.unfold = r.integer(in, "liff.", "unfold", 1, 3, 3);
  if (liff.unfold == 2) r.fail("liff.unfold", "must be 1 or 3");
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
    if (!(value > 0.0) || value > kMaxLambda || (!d.rate_points.empty() && value <= d.rate_points.back())) {
      r.fail("rate_points", fmt::format("must be above 0, rising and at most {:g}", kMaxLambda));
      return;
    }
    d.rate_points.push_back(value);
  }
}

json to_json(const LiffDescription& liff) {
  json out{{"g0", liff.g0},         {"blocks", liff.blocks},
           {"convs", liff.convs},   {"growth", liff.growth},
           {"hidden", liff.hidden}, {"residual", liff.bicubic_residual ? "bicubic" : "none"}};
  if (liff.kind == LiffKind::kLiif) out["kind"] = "liif";
  if (liff.unfold != 3) out["unfold"] = liff.unfold;
  return out;
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
  d.base = parse_codec(r, r.object(document, "", "base"), "base", {});
  const bool layered = document.contains("enhancement");
  if (layered != document.contains("liff")) {
    r.fail(layered ? "liff" : "enhancement", "is missing: enhancement and liff come together");
  }
  if (layered) {
    d.enhancement =
        parse_codec(r, r.object(document, "", "enhancement"), "enhancement", {.reads_prediction = true});
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
  json out{{"name", d.name},
           {"rules", rules_of(d)},
           {"rate_points", d.rate_points},
           {"base", codec_to_json(d.base)}};
  if (d.enhancement) out["enhancement"] = codec_to_json(*d.enhancement);
  if (d.liff) out["liff"] = to_json(*d.liff);
  JsonDocument provenance(d.provenance);
  out["provenance"] = provenance.value().is_discarded() ? json::object() : provenance.value();
  return out.dump();
}

}  // namespace compass
