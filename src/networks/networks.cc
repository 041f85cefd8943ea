#include "networks/networks.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "entropy/scales.h"
#include "graph/geometry.h"

namespace compass {
namespace {

using nn::Network;
using nn::StageTimer;

constexpr int32_t kMaxSymbolMagnitude = int32_t{1} << 24;  // above it floats do not hold every integer

// Rounds half to even, in the default rounding mode. Below 2^22, adding and subtracting 1.5 * 2^23 does it
// without a call.
int32_t round_symbol(float x) {
  constexpr float kMagic = 12582912.0F;
  if (std::abs(x) < 4194304.0F) return static_cast<int32_t>((x + kMagic) - kMagic);
  if (!(std::abs(x) < static_cast<float>(kMaxSymbolMagnitude))) {
    return std::isnan(x) ? 0 : x > 0.0F ? kMaxSymbolMagnitude : -kMaxSymbolMagnitude;
  }
  return static_cast<int32_t>(std::nearbyint(x));
}

// The view of a prediction, if there is one.
nn::MapView view_if(const Tensor* map, Rect part, Size full) {
  return map != nullptr ? nn::view_of(*map, part, full) : nn::MapView{};
}

// The part of a [h,w,C] symbol array inside `part`, each value passed through `value(symbol, channel)`.
template <typename F>
Tensor part_of(std::span<const int32_t> symbols, int channels, Size size, Rect part, const F& value) {
  Tensor out(channels, part.height, part.width);
  for (int y = 0; y < part.height; ++y) {
    const int32_t* from = symbols.data() + (static_cast<size_t>(part.y + y) * size.width + part.x) * channels;
    float* to = out.pixel(y, 0);
    for (int i = 0; i < part.width; ++i) {
      for (int c = 0; c < channels; ++c) *to++ = value(*from++, c);
    }
  }
  return out;
}

}  // namespace

CodecNetworks::CodecNetworks(std::shared_ptr<const Model> model, CodecKind kind, nn::Context& context)
    : CodecNetworks(model->codec(kind), model->weights(kind), context) {
  model_ = std::move(model);
}

CodecNetworks::CodecNetworks(const CodecDescription& codec, const CodecWeights& weights, nn::Context& context)
    : codec_(codec),
      weights_(weights),
      context_(context),
      g_a_(context, Network::Role::kAnalysis, codec_.g_a, weights_.g_a, codec_.g_a),
      g_s_(context, Network::Role::kSynthesis, codec_.g_s, weights_.g_s, codec_.g_a) {
  conditional_ = g_a_.reads_prediction() || g_s_.reads_prediction();
  if (codec_.factorised()) return;  // there are no more
  h_a_.emplace(context, Network::Role::kAnalysis, codec_.h_a, weights_.h_a, codec_.h_a);
  h_s_.emplace(context, Network::Role::kSynthesis, codec_.h_s, weights_.h_s, codec_.h_a);
  if (!codec_.h_scales.empty()) {
    h_scales_.emplace(context, Network::Role::kSynthesis, codec_.h_scales, weights_.h_scales, codec_.h_a);
  }
}

CodecNetworks::~CodecNetworks() = default;

Size CodecNetworks::latent_size(Size picture) const {
  return nn::analysis_size(codec_.g_a, picture);
}

Size CodecNetworks::hyper_size(Size picture) const {
  if (codec_.factorised()) return {};
  return nn::analysis_size(codec_.h_a, latent_size(picture));
}

Tensor CodecNetworks::analyse(const Tensor& x, const Tensor* prediction, const nn::RateField& rate) {
  const Size picture{x.width, x.height};
  return analyse(x, prediction, rate, picture, whole(latent_size(picture)));
}

Tensor CodecNetworks::analyse(const Tensor& x, const Tensor* prediction, const nn::RateField& rate,
                              Size picture, Rect out) {
  // Where g_a reads the prediction it is handed the same part of it as of x.
  const Rect part = analysis_footprint(picture, out);
  Tensor y;
  analyse(*plan_analysis(picture, out), nn::view_of(x, part, picture), view_if(prediction, part, picture),
          rate, y);
  return y;
}

void CodecNetworks::analyse(const nn::Plan& plan, const nn::MapView& x, const nn::MapView& prediction,
                            const nn::RateField& rate, Tensor& y) {
  const StageTimer timer(context_.times(), "g_a", plan.macs);
  g_a_.run(plan, {.x = x, .prediction = prediction, .rate = rate}, y);
}

Rect CodecNetworks::analysis_footprint(Size picture, Rect out) const {
  const PlanPtr plan = plan_analysis(picture, out);
  return united(plan->input, plan->prediction);
}

Tensor CodecNetworks::hyper_analyse(const Tensor& y) {
  Tensor z;
  const Size latent{y.width, y.height};
  hyper_analyse(*h_a_->plan(latent, whole(h_a_->output_size(latent))), y, z);
  return z;
}

void CodecNetworks::hyper_analyse(const nn::Plan& plan, const Tensor& y, Tensor& z) {
  const StageTimer timer(context_.times(), "h_a", plan.macs);
  h_a_->run(plan, {.x = nn::view_of(y)}, z);
}

std::vector<int32_t> CodecNetworks::quantise_hyper(const Tensor& z) const {
  std::vector<int32_t> symbols(z.size());
  const Size size{z.width, z.height};
  quantise_hyper(z, whole(size), size, symbols);
  return symbols;
}

void CodecNetworks::quantise_hyper(const Tensor& z, Rect part, Size hyper, std::span<int32_t> symbols) const {
  const int channels = z.channels;
  for (int row = 0; row < part.height; ++row) {
    const float* from = z.pixel(row, 0);
    int32_t* to = symbols.data() + (static_cast<size_t>(part.y + row) * hyper.width + part.x) * channels;
    for (int col = 0; col < part.width; ++col) {
      for (int c = 0; c < channels; ++c) *to++ = round_symbol(*from++ - weights_.medians[c]);
    }
  }
}

HyperParameters CodecNetworks::hyper_synthesise(std::span<const int32_t> z_symbols, Size picture) {
  return hyper_synthesise(z_symbols, picture, whole(latent_size(picture)));
}

HyperParameters CodecNetworks::hyper_synthesise(std::span<const int32_t> z_symbols, Size picture, Rect out) {
  HyperParameters result;
  hyper_synthesise(plan_hyper_synthesis(picture, out), z_symbols, result);
  return result;
}

CodecNetworks::HyperPlan CodecNetworks::plan_hyper_synthesis(Size picture, Rect out) const {
  const Size latent = latent_size(picture);
  return {out, h_s_ ? h_s_->plan(latent, out) : nullptr, h_scales_ ? h_scales_->plan(latent, out) : nullptr};
}

std::vector<CodecNetworks::PlanPtr> CodecNetworks::HyperPlan::plans() const {
  std::vector<PlanPtr> there;
  if (h_s) there.push_back(h_s);
  if (h_scales) there.push_back(h_scales);
  return there;
}

void CodecNetworks::known_parameters(Rect out, HyperParameters& result) const {
  const int m = latent_channels();
  result.means.reshape(m, out.height, out.width);
  result.indexes.resize(result.means.size());
  for (size_t i = 0; i < result.indexes.size(); i += m) {
    std::copy_n(weights_.medians.data(), m, result.means.data.data() + i);
    for (int c = 0; c < m; ++c) result.indexes[i + c] = static_cast<uint8_t>(1 + c);
  }
}

void CodecNetworks::hyper_synthesise(const HyperPlan& plan, std::span<const int32_t> z_symbols,
                                     HyperParameters& result) {
  const Rect out = plan.out;
  if (!plan.h_s) {
    known_parameters(out, result);
    return;
  }
  const Size hyper = h_s_->input_size(plan.h_s->full);
  const int channels = hyper_channels();
  const int m = latent_channels();
  assert(z_symbols.size() == static_cast<size_t>(hyper.pixels()) * channels);
  const StageTimer timer(context_.times(), "h_s",
                         plan.h_s->macs + (plan.h_scales ? plan.h_scales->macs : 0.0));
  const Rect part = plan.h_s->input;
  const Tensor z_hat = part_of(z_symbols, channels, hyper, part, [&](int32_t symbol, int c) {
    return static_cast<float>(symbol) + weights_.medians[c];
  });
  const size_t count = static_cast<size_t>(out.size().pixels()) * m;
  result.indexes.resize(count);
  if (plan.h_scales) {
    h_s_->run(*plan.h_s, {.x = nn::view_of(z_hat, part, hyper)}, result.means);
    const Rect scales_part = plan.h_scales->input;
    const Tensor symbols = part_of(z_symbols, channels, hyper, scales_part, [](int32_t symbol, int) {
      return static_cast<float>(std::clamp(symbol, -nn::kMaxHyperSymbol, nn::kMaxHyperSymbol));
    });
    Tensor indexes;
    h_scales_->run(*plan.h_scales, {.x = nn::view_of(symbols, scales_part, hyper)}, indexes);
    for (size_t i = 0; i < count; ++i) result.indexes[i] = static_cast<uint8_t>(indexes.data[i]);
    return;
  }
  // The paper's h_s: [scales; means] by channel.
  Tensor hs_out;
  h_s_->run(*plan.h_s, {.x = nn::view_of(z_hat, part, hyper)}, hs_out);
  result.scales.reshape(m, out.height, out.width);
  result.means.reshape(m, out.height, out.width);
  for (int64_t p = 0; p < out.size().pixels(); ++p) {
    const float* from = hs_out.data.data() + p * 2 * m;
    std::copy_n(from, m, result.scales.data.data() + p * m);
    std::copy_n(from + m, m, result.means.data.data() + p * m);
  }
  for (size_t i = 0; i < count; ++i)
    result.indexes[i] = static_cast<uint8_t>(scale_index(result.scales.data[i]));
}

Tensor CodecNetworks::synthesise(const Tensor& y_hat, const Tensor* prediction, const nn::RateField& rate,
                                 Size picture) {
  return synthesise(y_hat, prediction, rate, picture, whole(picture));
}

Tensor CodecNetworks::synthesise(const Tensor& y_hat, const Tensor* prediction, const nn::RateField& rate,
                                 Size picture, Rect out) {
  const PlanPtr plan = plan_synthesis(picture, out);
  Tensor x_hat;
  synthesise(*plan, nn::view_of(y_hat, plan->input, latent_size(picture)),
             view_if(prediction, plan->prediction, picture), rate, x_hat);
  return x_hat;
}

void CodecNetworks::synthesise(const nn::Plan& plan, const nn::MapView& y_hat, const nn::MapView& prediction,
                               const nn::RateField& rate, Tensor& x_hat, nn::SavedActivations* save) {
  const StageTimer timer(context_.times(), "g_s", plan.macs);
  g_s_.run(plan, {.x = y_hat, .prediction = prediction, .rate = rate, .save = save}, x_hat);
}

bool CodecNetworks::make_backward() {
  if (backward_) return true;
  auto ops = nn::make_backward_ops(codec_.g_s, weights_.g_s);
  if (!ops) return false;
  // The network points to the elements of the vectors in `ops`; moving the vectors does not move those.
  nn::Network network(context_, Network::Role::kBackward, ops->ops, ops->weights, ops->ops);
  backward_ = std::make_unique<Backward>(Backward{*std::move(ops), std::move(network)});
  return true;
}

void CodecNetworks::backward(const nn::Plan& plan, const nn::MapView& weights,
                             const nn::SavedActivations& saved, const nn::RateField& rate, Tensor& dy) {
  const StageTimer timer(context_.times(), "backward pass", plan.macs);
  backward_->network.run(plan, {.x = weights, .rate = rate, .saved = &saved}, dy);
}

CodecNetworks::SynthesisFootprint CodecNetworks::synthesis_footprint(Size picture, Rect out) const {
  const PlanPtr plan = plan_synthesis(picture, out);
  return {plan->input, plan->prediction};
}

CodecNetworks::Cost CodecNetworks::cost(Size picture) const {
  Cost cost{.g_a = plan_analysis(picture, whole(latent_size(picture)))->macs,
            .g_s = plan_synthesis(picture, whole(picture))->macs};
  if (h_a_) cost.h_a = plan_hyper_analysis(picture, whole(hyper_size(picture)))->macs;
  const HyperPlan hyper = plan_hyper_synthesis(picture, whole(latent_size(picture)));
  for (const PlanPtr& plan : hyper.plans()) cost.h_s += plan->macs;
  return cost;
}

std::vector<int32_t> quantise(const Tensor& y, const Tensor& means) {
  std::vector<int32_t> symbols(y.size());
  for (size_t i = 0; i < symbols.size(); ++i) symbols[i] = round_symbol(y.data[i] - means.data[i]);
  return symbols;
}

Tensor dequantise(std::span<const int32_t> symbols, const Tensor& means) {
  Tensor y_hat(means.channels, means.height, means.width);
  for (size_t i = 0; i < symbols.size(); ++i) y_hat.data[i] = static_cast<float>(symbols[i]) + means.data[i];
  return y_hat;
}

void quantise(std::span<float> y, std::span<const float> means, std::span<int32_t> symbols) {
  for (size_t i = 0; i < y.size(); ++i) {
    symbols[i] = round_symbol(y[i] - means[i]);
    y[i] = static_cast<float>(symbols[i]) + means[i];
  }
}

}  // namespace compass
