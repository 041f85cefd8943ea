#include "dependent_quantiser.h"

#include <algorithm>
#include <cmath>

#include "codec/search_constants.h"
#include "codec/trellis_quantiser.h"

namespace compass::train {
namespace {

// Where a position on the axis of some rate points lies on that of others: at the same lambda, or at the end
// nearest to it. Lambda is exponential between points.
float position_among(const std::vector<double>& points, float position, const std::vector<double>& others) {
  if (points == others || others.size() < 2) return others.size() < 2 ? 0.0F : position;
  const auto low = std::min(static_cast<size_t>(std::max(position, 0.0F)), points.size() - 1);
  const size_t high = std::min(low + 1, points.size() - 1);
  const double part = position - static_cast<double>(low);
  const double log_lambda = std::log(points[low]) * (1 - part) + std::log(points[high]) * part;
  size_t at = 0;
  while (at + 2 < others.size() && std::log(others[at + 1]) < log_lambda) ++at;
  const double first = std::log(others[at]), next = std::log(others[at + 1]);
  return static_cast<float>(static_cast<double>(at) +
                            std::clamp((log_lambda - first) / (next - first), 0.0, 1.0));
}

// One sample in the runtime's layout, [h][w][M].
struct Sample {
  Size size;
  int channels;
  Tensor indexes, levels;
};

// Bits of a sample's levels: a walk through the trellis, block by block.
double bits_of(const Sample& s, const TrellisLayout& layout, const SymbolCosts& costs, int scales) {
  const auto stride = static_cast<size_t>(s.size.width) * s.channels;
  const auto* indexes = s.indexes.data_ptr<uint8_t>();
  const auto* levels = s.levels.data_ptr<int32_t>();
  const TrellisOffsets at(stride, s.channels);
  TrellisOrder order;
  double bits = 0.0;
  for (const Rect& block : trellis_blocks(s.size)) {
    const size_t first = block.y * stride + static_cast<size_t>(block.x) * s.channels;
    order.load(indexes + first, stride, block.size(), s.channels);
    int state = 0;
    for (int c = 0; c < s.channels; ++c) {
      for (const TrellisOrder::Element e : order.channel(c)) {
        const int quantiser = quantiser_of(state);
        const int32_t level = levels[first + at[e.position()] + c];
        TORCH_CHECK(has_level(quantiser, level), "a level that its quantiser does not have");
        const auto symbol = static_cast<int32_t>(symbol_of(quantiser, level));
        bits += costs.of(layout.row_of(e.index()) + quantiser * scales, symbol);
        state = kTrellisNext[state][symbol & 1];
      }
    }
  }
  // Elements that are not coded are 0, or dear exceptions.
  for (int64_t i = 0; i < s.levels.numel(); ++i) {
    if (indexes[i] == 0) bits += costs.of(0, levels[i] / 2) - (levels[i] == 0 ? costs.of(0, 0) : 0.0F);
  }
  return bits;
}

void check_codec(const Model& model, CodecKind kind, const CodecDescription& wanted,
                 const std::string& path) {
  const char* name = kind == CodecKind::kBase ? "base" : "enhancement";
  const CodecDescription& codec = model.codec(kind);
  TORCH_CHECK(codec.trellis.has_value(), path, ": its ", name, " codec does not quantise dependently");
  TORCH_CHECK(codec.latent_channels == wanted.latent_channels, path, ": its ", name, " codec has ",
              codec.latent_channels, " latents, the configuration's ", wanted.latent_channels);
}

}  // namespace

DependentQuantiser::DependentQuantiser(std::shared_ptr<const Model> model, CodecKind kind,
                                       std::vector<double> rate_points)
    : model_(std::move(model)), kind_(kind), rate_points_(std::move(rate_points)) {}

DependentQuantiser::Quantised DependentQuantiser::quantise(const Tensor& centred, const Tensor& indexes,
                                                           const Tensor& rate) const {
  const auto in_layout = [](const Tensor& x) {
    return x.detach().to(at::kCPU).permute({0, 2, 3, 1}).contiguous();
  };
  const Tensor targets = in_layout(centred), index = in_layout(indexes);
  const Tensor rates = rate.detach().to(at::kCPU, at::kFloat).contiguous();
  const int64_t batch = targets.size(0);
  const Size size{static_cast<int>(targets.size(2)), static_cast<int>(targets.size(1))};
  const auto channels = static_cast<int>(targets.size(3));
  const auto stride = static_cast<size_t>(size.width) * channels;
  const CdfTables& tables = model_->latent_tables(kind_);
  const SymbolCosts costs(tables);
  const std::vector<float> weights(channels, static_cast<float>(kTrellisWeight)),
      zeros(stride * size.height, 0.0F);
  const Tensor values = at::empty_like(targets), bits = at::empty({batch}, at::kFloat);
  ThreadPool alone(1);  // workers have a sample each, and no threads beside them
  std::vector<TrellisBuffers> buffers;
  for (int64_t b = 0; b < batch; ++b) {
    const float position = position_among(rate_points_, rates[b].item<float>(), model_->rate_points());
    const TrellisLayout layout{size.width, channels, model_->trellis_shift(kind_, position)};
    const Sample sample{size, channels, index[b], at::empty({size.height, size.width, channels}, at::kInt)};
    TrellisQuantiser(tables, layout, model_->trellis_step(kind_, position))
        .run({size,
              {sample.indexes.data_ptr<uint8_t>(), stride},
              {targets[b].data_ptr<float>(), stride},
              {zeros.data(), stride},
              {sample.levels.data_ptr<int32_t>(), stride},
              {values[b].data_ptr<float>(), stride}},
             weights, alone, buffers);
    bits[b] = bits_of(sample, layout, costs, tables.rows() / 2);
  }
  return {values.permute({0, 3, 1, 2}).contiguous().to(centred.device()), bits.to(centred.device())};
}

LayerQuantisers LayerQuantisers::of_model(const std::string& path, const Description& description) {
  const auto model = Model::load(path);
  TORCH_CHECK(model.ok(), model.ok() ? "" : model.error().message);
  LayerQuantisers quantisers;
  check_codec(**model, CodecKind::kBase, description.base, path);
  quantisers.base = std::make_shared<DependentQuantiser>(*model, CodecKind::kBase, description.rate_points);
  if (!description.enhancement) return quantisers;
  TORCH_CHECK((*model)->layered(), path, ": has no enhancement codec");
  check_codec(**model, CodecKind::kEnhancement, *description.enhancement, path);
  quantisers.enhancement =
      std::make_shared<DependentQuantiser>(*model, CodecKind::kEnhancement, description.rate_points);
  return quantisers;
}

}  // namespace compass::train
