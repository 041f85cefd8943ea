#include "networks/liff_pixel_weights.h"

#include <algorithm>
#include <utility>

#include "graph/geometry.h"
#include "networks/liif_corners.h"
#include "nn/winograd.h"

namespace compass {
namespace {

using nn::Element;
using nn::KernelRequest;
using nn::pad_channels;

constexpr int kMaxTileColumns = 64;
constexpr int kMinSources = 64;  // source pixels of a tile
constexpr int kMaxSources = 512;
constexpr size_t kTailBytes = 400 << 10;  // of a tile's A: it shares a core's L2 cache with B and the h_i
constexpr int kBatchColumns = 64;

// The middle layers on `targets` pixels.
std::vector<KernelRequest> middle_layers(std::vector<nn::PaddedConvWeights>& weights, int targets,
                                         Element compute) {
  std::vector<KernelRequest> layers;
  for (nn::PaddedConvWeights& w : weights) {
    layers.push_back({&w,
                      {.in = w.in(),
                       .out = w.out(),
                       .rows = targets / kBatchColumns,
                       .cols = kBatchColumns,
                       .source = compute,
                       .target = compute,
                       .act = nn::Act::kRelu}});
  }
  return layers;
}

}  // namespace

void LiffPixelWeightsPlan::add_kernels(std::vector<KernelRequest>& kernels) const {
  kernels.push_back(base);
  if (tail.weights != nullptr) kernels.push_back(tail);
  kernels.insert(kernels.end(), batch.begin(), batch.end());
  kernels.insert(kernels.end(), rest.begin(), rest.end());
}

LiffPixelWeights::LiffPixelWeights(const LiffDescription& liff, const LiffWeights& weights,
                                   nn::Context& context)
    : context_(context), kind_(liff.kind), g0_(liff.g0), side_(liff.unfold) {
  const auto& mlp = weights.mlp;
  const ConvWeights& head = mlp.front();
  const int hidden = mlp.back().in;
  first_ = pad_channels(head.out);
  last_ = pad_channels(hidden);
  tail_outputs_ = kind_ == LiffKind::kLiff ? pad_channels(3 * last_ + 3) : 0;
  read_head(head);
  make_source_convs(weights);
  if (kind_ == LiffKind::kLiif) make_colours(mlp.back());
  widest_ = std::max(first_, last_);
  for (size_t i = 1; i + 1 < mlp.size(); ++i) {
    middle_.push_back(nn::pad_conv_weights(mlp[i].weight, mlp[i].bias, mlp[i].in, mlp[i].out, 1, 1));
    widest_ = std::max(widest_, middle_.back().out());
    target_macs_ += 1.0 * mlp[i].in * mlp[i].out;
  }
  target_macs_ += 2.0 * head.out + 3.0 * hidden;
  if (kind_ == LiffKind::kLiff) {
    source_macs_ = 1.0 * liff.unfolded() * (head.out + 3.0 * hidden + 3.0);
  } else {
    target_macs_ *= kLiifCorners;
    source_macs_ = 1.0 * liff.unfolded() * head.out;
  }
}

// As pixel_products (nn/kernels.h) takes it.
void LiffPixelWeights::make_colours(const ConvWeights& last) {
  const std::vector<float> weight = last.weight.floats();
  colours_.assign(pad_channels(3 * last_ + 3), 0.0F);
  for (int c = 0; c < 3; ++c) {
    std::copy_n(weight.data() + static_cast<size_t>(c) * last.in, last.in,
                colours_.data() + static_cast<size_t>(c) * last_);
    colours_[3 * static_cast<size_t>(last_) + c] = last.bias[c];
  }
  colours_bf16_.resize(colours_.size());
  nn::round_to_bf16(colours_.data(), colours_bf16_.data(), colours_.size());
}

// The first layer's rows: weights in the order of a convolution over the features, then offset y, x, token y,
// x.
void LiffPixelWeights::read_head(const ConvWeights& head) {
  const auto row = static_cast<size_t>(head.in);
  const std::vector<float> weight = head.weight.floats();
  const auto column = [&](size_t at) {
    std::vector<float> values(first_, 0.0F);
    for (int o = 0; o < head.out; ++o) values[o] = weight[o * row + at];
    return values;
  };
  offset_y_ = column(row - 4);
  offset_x_ = column(row - 3);
  token_y_ = column(row - 2);
  token_x_ = column(row - 1);
  bias_ = head.bias;
  bias_.resize(first_, 0.0F);
}

namespace {

// B's weights, over `features`: those at all taps.
void write_base(const ConvWeights& head, int features, size_t stride, float* to) {
  const std::vector<float> weight = head.weight.floats();
  for (int o = 0; o < head.out; ++o) {
    std::copy_n(weight.data() + static_cast<size_t>(o) * head.in, features, to + o * stride);
  }
}

// A's weights. The last layer's rows are (feature i, colour c) -> weight over h_last; as a convolution over
// the features its outputs are (c, unit) and, behind them, the bias's part of each colour.
void write_tail(const ConvWeights& tail, int features, size_t stride, int last, float* to) {
  const std::vector<float> weight = tail.weight.floats();
  const int hidden = tail.in;
  for (int i = 0; i < features; ++i) {
    for (int c = 0; c < 3; ++c) {
      const size_t from = static_cast<size_t>(i) * 3 + c;
      for (int j = 0; j < hidden; ++j)
        to[(static_cast<size_t>(c) * last + j) * stride + i] = weight[from * hidden + j];
      to[(3 * static_cast<size_t>(last) + c) * stride + i] = tail.bias[from];
    }
  }
}

}  // namespace

// In f32 one convolution makes both, and its input goes to Winograd's points once. In bf16 they have results
// of different formats. LIIF has B alone.
void LiffPixelWeights::make_source_convs(const LiffWeights& weights) {
  const ConvWeights& head = weights.mlp.front();
  const ConvWeights& tail = weights.mlp.back();
  const int in = pad_channels(g0_);
  const size_t output = static_cast<size_t>(in) * side_ * side_;  // weights of one
  const int features = side_ * side_ * g0_;
  const auto base_only = [=, &head, first = first_](float* to) {
    std::fill_n(to, first * output, 0.0F);
    write_base(head, features, output, to);
  };
  const auto tail_only = [=, &tail, last = last_, outputs = tail_outputs_](float* to) {
    std::fill_n(to, outputs * output, 0.0F);
    write_tail(tail, features, output, last, to);
  };
  if (kind_ == LiffKind::kLiif) {
    base_.emplace_back(in, first_, side_, side_, base_only, bias_);
    return;
  }
  if (context_.compute() == Element::kF32) {
    std::vector<float> bias = bias_;
    bias.resize(first_ + tail_outputs_, 0.0F);
    const auto both = [=, first = first_](float* to) {
      base_only(to);
      tail_only(to + first * output);
    };
    base_.emplace_back(in, first_ + tail_outputs_, side_, side_, both, std::move(bias));
    return;
  }
  base_.emplace_back(in, first_, side_, side_, base_only, bias_);
  tail_.emplace_back(in, tail_outputs_, side_, side_, tail_only, std::vector<float>(tail_outputs_, 0.0F));
}

LiffPixelWeightsPlan LiffPixelWeights::plan(Size full, const Sources& sources) {
  const bool corners = kind_ == LiffKind::kLiif;
  const int last_y = (corners ? sources.rows_after : sources.rows).source.back();
  const int last_x = (corners ? sources.cols_after : sources.cols).source.back();
  const Element compute = context_.compute();
  LiffPixelWeightsPlan plan;
  // Tiles are whole blocks of Winograd's algorithm, for the reason that nn/conv_pass.cc gives.
  constexpr int kBlock = nn::kWinogradBlock;
  plan.source_y = sources.rows.source.front() / kBlock * kBlock;
  plan.source_x = sources.cols.source.front() / kBlock * kBlock;
  plan.end_y = nn::round_up(last_y + 1, kBlock);
  plan.end_x = nn::round_up(last_x + 1, kBlock);
  const int height = plan.end_y - plan.source_y, width = plan.end_x - plan.source_x;
  const size_t pixel_bytes = corners ? first_ * sizeof(float) : tail_outputs_ * nn::element_size(compute);
  const int most = std::clamp(static_cast<int>(kTailBytes / pixel_bytes), kMinSources, kMaxSources);
  plan.across = nn::ceil_div(width, kMaxTileColumns);
  plan.tile_cols = nn::round_up(nn::ceil_div(width, plan.across), kBlock);
  plan.down = nn::ceil_div(height, std::max(kBlock, most / plan.tile_cols / kBlock * kBlock));
  plan.tile_rows = nn::round_up(nn::ceil_div(height, plan.down), kBlock);
  plan.held_rows = plan.tile_rows + (corners ? kBlock : 0);
  plan.held_cols = plan.tile_cols + (corners ? kBlock : 0);

  nn::ConvShape shape{.in = base_[0].in(),
                      .out = base_[0].out(),
                      .kernel_h = side_,
                      .kernel_w = side_,
                      .rows = plan.held_rows,
                      .cols = plan.held_cols,
                      .source = compute,
                      .target = Element::kF32,
                      .direct = side_ == 1 || !nn::worth_winograd(full, 1)};
  plan.base = {base_.data(), shape};
  if (!tail_.empty()) {
    shape.out = tail_outputs_;
    shape.target = compute;
    plan.tail = {tail_.data(), shape};
  }
  plan.batch = middle_layers(middle_, kBatch, compute);
  plan.rest = middle_layers(middle_, kRest, compute);
  return plan;
}

double liff_macs_as_written(const LiffDescription& liff) {
  double macs = 0.0;
  int in = liff.mlp_inputs();
  for (const int width : liff.hidden) {
    macs += 1.0 * in * width;
    in = width;
  }
  macs += 1.0 * in * liff.mlp_outputs();
  return liff.kind == LiffKind::kLiif ? kLiifCorners * macs : macs + 3.0 * liff.unfolded();
}

}  // namespace compass
