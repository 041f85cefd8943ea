// The texts that decoder ids are made of. Not JSON: whoever loads a model may run out of memory here, which
// the JSON library's destructors do not survive.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "model_file/description.h"
#include "model_file/network_description.h"

namespace compass {
namespace {

void add(std::string& text, std::string_view word) {
  text += word;
  text += ' ';
}

template <typename... Numbers>
void add_numbers(std::string& text, Numbers... numbers) {
  (add(text, std::to_string(numbers)), ...);
}

// By what an analysis network makes a map smaller: the sizes of latents follow, and what synthesis networks
// crop.
void add_analysis(std::string& text, std::string_view name, const std::vector<nn::Op>& ops) {
  add(text, name);
  for (const nn::Op& op : ops) {
    if (op.align > 1 || op.down() > 1) add_numbers(text, op.align, op.down());
  }
}

void add_network(std::string& text, std::string_view name, const std::vector<nn::Op>& ops) {
  add(text, name);
  for (const nn::Op& op : ops) {
    add(text, name_of(op.kind));
    add_numbers(text, op.in, op.out, op.kernel, op.stride, op.align, op.factor, op.hidden, op.limit);
    add(text, name_of(op.act));
  }
}

void add_codec(std::string& text, const CodecDescription& codec) {
  add(text, "codec");
  add_numbers(text, codec.channels, codec.latent_channels, codec.hyper_channels);
  add(text, codec.quantise == Quantise::kInteger ? "integer" : "medians");
  add_numbers(text, codec.filter.value_or(-1));
  if (codec.trellis) {
    add(text, "trellis");
    add(text, fmt::format("{}", codec.trellis->step));
    for (const double quality : codec.trellis->coarser_below) add(text, fmt::format("{}", quality));
  }
  add_analysis(text, "g_a", codec.g_a);
  add_network(text, "g_s", codec.g_s);
  if (codec.factorised()) {
    add(text, "factorised");
    return;
  }
  add_analysis(text, "h_a", codec.h_a);
  add_network(text, "h_s", codec.h_s);
  if (!codec.h_scales.empty()) add_network(text, "h_scales", codec.h_scales);
}

}  // namespace

std::string base_decoder_text(const Description& d) {
  std::string text;
  add(text, "rules");
  add(text, d.nearest == NearestRule::kInteger ? "integer" : "reference");
  add(text, d.scale_token == ScaleToken::kOwn ? "own" : "first");
  add(text, "rates");
  add_numbers(text, d.rate_points.size());
  add_codec(text, d.base);
  return text;
}

std::string upper_decoder_text(const Description& d) {
  std::string text;
  if (!d.enhancement || !d.liff) return text;
  add_codec(text, *d.enhancement);
  add(text, d.liff->kind == LiffKind::kLiff ? "liff" : "liif");
  add_numbers(text, d.liff->g0, d.liff->blocks, d.liff->convs, d.liff->growth);
  if (d.liff->unfold != 3) add(text, "pointwise");
  add(text, d.liff->bicubic_residual ? "bicubic" : "none");
  for (const int width : d.liff->hidden) add_numbers(text, width);
  return text;
}

}  // namespace compass
