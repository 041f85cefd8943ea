#include "networks/liff_filters.h"

#include <algorithm>

#include "graph/geometry.h"
#include "nn/kernels.h"
#include "nn/tile_io.h"
#include "nn/winograd.h"

namespace compass {
namespace {

using nn::BFloat16;
using nn::Element;
using nn::pad_channels;
using nn::Workspace;

constexpr int kTaps = 9;
constexpr int kMaxTileColumns = 64;
constexpr int kMinSources = 64;  // source pixels of a tile
constexpr int kMaxSources = 512;
constexpr size_t kFilterBytes = 400 << 10;  // of a tile's A: it shares a core's L2 cache with B and the h_i
// Target pixels go through the middle layers this many at a time; what is left over, in the smaller pieces.
constexpr int kBatch = 512;
constexpr int kRest = 128;
constexpr int kBatchColumns = 64;

// Target samples [begin, end) whose source lies in [first, last).
std::pair<int, int> targets_of(const GridAxis& axis, int first, int last) {
  const auto begin = std::lower_bound(axis.source.begin(), axis.source.end(), first);
  const auto end = std::lower_bound(begin, axis.source.end(), last);
  return {static_cast<int>(begin - axis.source.begin()), static_cast<int>(end - axis.source.begin())};
}

}  // namespace

LiffFilters::LiffFilters(const LiffDescription& liff, const LiffWeights& weights, nn::Context& context)
    : context_(context), g0_(liff.g0) {
  const auto& mlp = weights.mlp;
  const ConvWeights& head = mlp.front();
  const ConvWeights& tail = mlp.back();
  const int hidden = tail.in;
  first_ = pad_channels(head.out);
  last_ = pad_channels(hidden);
  const int padded_in = pad_channels(g0_);
  const int g0 = g0_;

  // The first layer's rows: 9*g0 weights in the order of a 3x3 convolution, then offset y, x, token y, x.
  const size_t row = static_cast<size_t>(kTaps) * g0 + 4;
  const auto column = [&](size_t at) {
    std::vector<float> values(first_, 0.0F);
    for (int o = 0; o < head.out; ++o) values[o] = head.weight[o * row + at];
    return values;
  };
  offset_y_ = column(row - 4);
  offset_x_ = column(row - 3);
  token_y_ = column(row - 2);
  token_x_ = column(row - 1);
  bias_ = head.bias;
  bias_.resize(first_, 0.0F);
  const auto write_base = [&head, g0, row, padded_in, first = first_](float* to) {
    std::fill_n(to, static_cast<size_t>(first) * padded_in * kTaps, 0.0F);
    for (int o = 0; o < head.out; ++o) {
      std::copy_n(head.weight.data() + o * row, kTaps * g0, to + static_cast<size_t>(o) * padded_in * kTaps);
    }
  };
  base_.emplace_back(padded_in, first_, 3, 3, write_base, bias_);

  // The last layer's rows are (feature i, colour c) -> weight over h_last; as a convolution over the features
  // its outputs are (c, unit) and, behind them, the bias's part of each colour.
  const int outputs = pad_channels(3 * last_ + 3);
  const auto write_filters = [&tail, g0, hidden, padded_in, outputs, last = last_](float* to) {
    std::fill_n(to, static_cast<size_t>(outputs) * padded_in * kTaps, 0.0F);
    const size_t stride = static_cast<size_t>(padded_in) * kTaps;
    for (int i = 0; i < kTaps * g0; ++i) {
      for (int c = 0; c < 3; ++c) {
        const size_t from = static_cast<size_t>(i) * 3 + c;
        for (int j = 0; j < hidden; ++j)
          to[(static_cast<size_t>(c) * last + j) * stride + i] = tail.weight[from * hidden + j];
        to[(3 * static_cast<size_t>(last) + c) * stride + i] = tail.bias[from];
      }
    }
  };
  filters_.emplace_back(padded_in, outputs, 3, 3, write_filters, std::vector<float>(outputs, 0.0F));

  for (size_t i = 1; i + 1 < mlp.size(); ++i) {
    middle_.push_back(nn::pad_filter(mlp[i].weight.data(), mlp[i].bias, mlp[i].in, mlp[i].out, 1, 1));
    target_macs_ += 1.0 * mlp[i].in * mlp[i].out;
  }
  target_macs_ += 2.0 * head.out + 3.0 * hidden;
  source_macs_ = 1.0 * kTaps * g0_ * (head.out + 3.0 * hidden + 3.0);
}

void LiffFilters::run(const nn::MapView& features, const GridAxis& rows, const GridAxis& cols, float token_y,
                      float token_x, float* out, size_t stride) {
  const Element compute = context_.compute();
  const size_t element = nn::element_size(compute);
  // Whole blocks of Winograd's convolution, for the reason that nn/conv_pass.cc gives.
  constexpr int kBlock = nn::kWinogradBlock;
  const int source_y = rows.source.front() / kBlock * kBlock;
  const int source_x = cols.source.front() / kBlock * kBlock;
  const int height = nn::round_up(rows.source.back() + 1, kBlock) - source_y;
  const int width = nn::round_up(cols.source.back() + 1, kBlock) - source_x;
  const int outputs = filters_[0].out();
  const int padded_in = filters_[0].in();

  // Tiles of source pixels: a function of sizes alone.
  const int sources =
      std::clamp(static_cast<int>(kFilterBytes / (outputs * element)), kMinSources, kMaxSources);
  const int across = nn::ceil_div(width, kMaxTileColumns);
  const int tile_cols = nn::round_up(nn::ceil_div(width, across), kBlock);
  const int down = nn::ceil_div(height, std::max(kBlock, sources / tile_cols / kBlock * kBlock));
  const int tile_rows = nn::round_up(nn::ceil_div(height, down), kBlock);

  std::span<float> bias = base_[0].bias();
  for (int i = 0; i < first_; ++i) bias[i] = bias_[i] + token_y * token_y_[i] + token_x * token_x_[i];

  nn::ConvShape shape{.in = padded_in,
                      .out = first_,
                      .kernel_h = 3,
                      .kernel_w = 3,
                      .rows = tile_rows,
                      .cols = tile_cols,
                      .source = compute,
                      .target = Element::kF32,
                      .direct = !nn::worth_winograd(features.full, 1)};
  const nn::ReadyConv base_conv = context_.ready(base_[0], shape);
  shape.out = outputs;
  shape.target = compute;
  const nn::ReadyConv filter_conv = context_.ready(filters_[0], shape);

  const auto middle_layers = [&](int targets) {
    std::vector<nn::ReadyConv> layers;
    for (nn::Filter& filter : middle_) {
      layers.push_back(context_.ready(filter, {.in = filter.in(),
                                               .out = filter.out(),
                                               .rows = targets / kBatchColumns,
                                               .cols = kBatchColumns,
                                               .source = compute,
                                               .target = compute,
                                               .act = nn::Act::kRelu}));
    }
    return layers;
  };
  const std::vector<nn::ReadyConv> batch_layers = middle_layers(kBatch);
  const std::vector<nn::ReadyConv> rest_layers = middle_layers(kRest);
  int widest = std::max(first_, last_);
  for (const nn::Filter& filter : middle_) widest = std::max(widest, filter.out());

  // Everything behind the first layer's source part for `count` targets.
  const auto finish = [&](int worker, const nn::FilterTarget* targets, int count,
                          const std::vector<nn::ReadyConv>& middle, const float* base,
                          const std::byte* filters, std::byte* hidden, std::byte* spare) {
    const bool f32 = compute == Element::kF32;
    if (f32) {
      nn::offset_relu(base, offset_y_.data(), offset_x_.data(), targets, count,
                      reinterpret_cast<float*>(hidden), first_);
    } else {
      nn::offset_relu(base, offset_y_.data(), offset_x_.data(), targets, count,
                      reinterpret_cast<BFloat16*>(hidden), first_);
    }
    for (const nn::ReadyConv& layer : middle) {
      layer.run(worker, hidden, spare);
      std::swap(hidden, spare);
    }
    if (f32) {
      nn::filter_products(reinterpret_cast<const float*>(filters), outputs,
                          reinterpret_cast<const float*>(hidden), last_, targets, count);
    } else {
      nn::filter_products(reinterpret_cast<const BFloat16*>(filters), outputs,
                          reinterpret_cast<const BFloat16*>(hidden), last_, targets, count);
    }
  };

  context_.parallel_for(down * across, [&](int i, int worker) {
    const int tile_y = source_y + i / across * tile_rows;
    const int tile_x = source_x + i % across * tile_cols;
    const auto [y0, y1] = targets_of(rows, tile_y, tile_y + tile_rows);
    const auto [x0, x1] = targets_of(cols, tile_x, tile_x + tile_cols);
    if (y0 == y1 || x0 == x1) return;
    Workspace& ws = context_.workspace(worker);
    const size_t pixels = static_cast<size_t>(tile_rows) * tile_cols;
    std::byte* tile =
        ws.get(Workspace::kInput, static_cast<size_t>(tile_rows + 2) * (tile_cols + 2) * padded_in * element);
    nn::gather(features, {}, tile_y - 1, tile_x - 1, tile_rows + 2, tile_cols + 2, compute, tile, padded_in);
    auto* base = ws.get_array<float>(Workspace::kBase, pixels * first_);
    base_conv.run(worker, tile, base);
    std::byte* filters = ws.get(Workspace::kFilters, pixels * outputs * element);
    filter_conv.run(worker, tile, filters);

    std::byte* hidden = ws.get(Workspace::kHidden, static_cast<size_t>(kBatch) * widest * element);
    std::byte* spare = ws.get(Workspace::kHidden2, static_cast<size_t>(kBatch) * widest * element);
    auto* targets = ws.get_array<nn::FilterTarget>(Workspace::kRows, kBatch);
    int count = 0;
    const auto flush = [&] {
      for (int done = 0; done < count;) {
        const bool whole = count - done > kBatch - kRest;
        const int n = std::min(count - done, whole ? kBatch : kRest);
        finish(worker, targets + done, n, whole ? batch_layers : rest_layers, base, filters, hidden, spare);
        done += n;
      }
      count = 0;
    };
    for (int y = y0; y < y1; ++y) {
      const int source_row = (rows.source[y] - tile_y) * tile_cols - tile_x;
      float* pixel = out + static_cast<size_t>(y) * stride + 3 * static_cast<size_t>(x0);
      for (int x = x0; x < x1; ++x, pixel += 3) {
        targets[count++] = {source_row + cols.source[x], rows.relative[y], cols.relative[x], pixel};
        if (count == kBatch) flush();
      }
    }
    if (count > 0) flush();
  });
}

}  // namespace compass
