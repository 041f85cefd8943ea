#include "mei/mei_description.h"

#include <fmt/format.h>

#include "graph/geometry.h"
#include "model_file/codec_description.h"
#include "model_file/json_document.h"
#include "model_file/json_fields.h"

namespace compass {
namespace {

using nn::Op;
using nn::OpKind;

constexpr int kKernel = 5;

Op conv(int in, int out, int stride = 1) {
  return {.kind = OpKind::kConv, .in = in, .out = out, .kernel = kKernel, .stride = stride, .align = stride};
}

Op deconv(int in, int out) {
  return {.kind = OpKind::kDeconv, .in = in, .out = out, .kernel = kKernel, .stride = 2};
}

Op gdn(int channels, OpKind kind = OpKind::kGdn) {
  return {.kind = kind, .in = channels, .out = channels};
}

// P and U of a layer of `latents` channels upon maps of `below`.
MeiPrediction prediction_of(const MeiDescription& mei, int below, int latents) {
  const std::vector<Op> refine{conv(latents, latents), gdn(latents), conv(latents, latents)};
  return {.reduce = {conv(below, mei.predictor, 2), gdn(mei.predictor), conv(mei.predictor, latents),
                     gdn(latents)},
          .first = refine,
          .second = refine,
          .enlarge = {deconv(latents, latents), gdn(latents, OpKind::kIgdn), deconv(latents, latents)},
          .context = {deconv(below, mei.context), conv(mei.context, mei.context),
                      conv(mei.context, mei.context)}};
}

}  // namespace

std::array<std::pair<const char*, const std::vector<Op>*>, 5> MeiPrediction::networks() const {
  return {{{"reduce", &reduce},
           {"first", &first},
           {"second", &second},
           {"enlarge", &enlarge},
           {"context", &context}}};
}

std::vector<Op> halvings(int times) {
  return std::vector<Op>(times, conv(1, 1, 2));
}

Result<MeiDescription> parse_mei(std::string_view text, const CodecDescription& base) {
  const auto bad = [](const std::string& what) {
    return Error{ErrorCode::kModel, "mei description: " + what};
  };
  if (text.size() > kMaxDescriptionBytes) return bad("longer than 1 MiB");
  JsonDocument parsed(text);
  const nlohmann::json& document = parsed.value();
  if (!document.is_object()) return bad("not a JSON object");
  FieldReader r;
  MeiDescription mei;
  mei.predictor = r.integer(document, "", "predictor", 1, kMaxChannels);
  mei.context = r.integer(document, "", "context", 1, kMaxChannels);
  const nlohmann::json& layers = r.array(document, "", "layers");
  if (layers.size() != kMeiLayers) r.fail("layers", fmt::format("must list {} layers", kMeiLayers));
  if (nn::down_factor(base.g_a) != kMeiFactor) {
    r.fail("base", fmt::format("must be of a g_a that shrinks by {}", kMeiFactor));
  }
  int below = base.latent_channels;
  for (size_t k = 0; k < layers.size() && r.ok(); ++k) {
    const std::string place = fmt::format("layers.{}", k);
    if (!layers[k].is_object()) {
      r.fail(place, "must be an object");
      break;
    }
    MeiLayerDescription layer;
    layer.codec = parse_codec(r, layers[k], place, {.context_channels = mei.context});
    if (!r.ok()) break;
    if (nn::down_factor(layer.codec.g_a) != kMeiFactor) {
      r.fail(place + ".g_a", fmt::format("must shrink by {}", kMeiFactor));
    }
    if (layer.codec.filter) r.fail(place + ".filter", "has no place in this system");
    if (layer.codec.trellis) r.fail(place + ".trellis", "has no place in this system");
    layer.prediction = prediction_of(mei, below, layer.codec.latent_channels);
    below = mei.context + layer.codec.latent_channels;
    mei.layers.push_back(std::move(layer));
  }
  r.refuse_unread(document);
  if (!r.ok()) return bad(r.problem());
  mei.canonical = document.dump();
  return mei;
}

}  // namespace compass
