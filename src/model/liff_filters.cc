#include "model/liff_filters.h"

#include <algorithm>

#include "nn/geometry.h"
#include "nn/kernels.h"
#include "nn/tile_io.h"

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
constexpr int kBatchRow = 64;   // target pixels go through the middle layers in multiples of this,
constexpr int kMaxBatch = 512;  // at most this many at a time

// Target samples [begin, end) whose source lies in [first, last).
std::pair<int, int> targets_of(const GridAxis& axis, int first, int last) {
  const auto begin = std::lower_bound(axis.source.begin(), axis.source.end(), first);
  const auto end = std::lower_bound(begin, axis.source.end(), last);
  return {static_cast<int>(begin - axis.source.begin()), static_cast<int>(end - axis.source.begin())};
}

struct Target {
  int y, x;    // in the output
  int source;  // in the tile
};

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
                      float token_x, Tensor& out) {
  const Element compute = context_.compute();
  const size_t element = nn::element_size(compute);
  const int source_y = rows.source.front();
  const int source_x = cols.source.front();
  const int height = rows.source.back() + 1 - source_y;
  const int width = cols.source.back() + 1 - source_x;
  const int outputs = filters_[0].out();
  const int padded_in = filters_[0].in();

  // Tiles of source pixels: a function of sizes alone.
  const int sources =
      std::clamp(static_cast<int>(kFilterBytes / (outputs * element)), kMinSources, kMaxSources);
  const int across = nn::ceil_div(width, kMaxTileColumns);
  const int tile_cols = nn::ceil_div(width, across);
  const int down = nn::ceil_div(height, std::max(1, sources / tile_cols));
  const int tile_rows = nn::ceil_div(height, down);

  std::span<float> bias = base_[0].bias();
  for (int i = 0; i < first_; ++i) bias[i] = bias_[i] + token_y * token_y_[i] + token_x * token_x_[i];

  nn::ConvShape shape{.in = padded_in,
                      .out = first_,
                      .kernel_h = 3,
                      .kernel_w = 3,
                      .rows = tile_rows,
                      .cols = tile_cols,
                      .source = compute,
                      .target = Element::kF32};
  const auto base_kernel = context_.conv(shape);
  shape.out = outputs;
  shape.target = compute;
  const auto filter_kernel = context_.conv(shape);
  const nn::PackedFilter& base_packed = base_[0].packed(context_, *base_kernel);
  const nn::PackedFilter& filter_packed = filters_[0].packed(context_, *filter_kernel);

  // The middle layers' kernels for every batch size, so that none is compiled inside the loop.
  struct Layer {
    std::shared_ptr<const nn::ConvKernel> kernel;
    const nn::PackedFilter* packed;
  };
  int most = 0;  // targets of one tile
  for (int ty = 0; ty < down; ++ty) {
    for (int tx = 0; tx < across; ++tx) {
      const auto [y0, y1] = targets_of(rows, source_y + ty * tile_rows, source_y + (ty + 1) * tile_rows);
      const auto [x0, x1] = targets_of(cols, source_x + tx * tile_cols, source_x + (tx + 1) * tile_cols);
      most = std::max(most, (y1 - y0) * (x1 - x0));
    }
  }
  const int batch_rows = std::min(nn::ceil_div(most, kBatchRow), kMaxBatch / kBatchRow);
  std::vector<std::vector<Layer>> layers(batch_rows + 1);  // by batch size in units of kBatchRow
  for (int r = 1; r <= batch_rows; ++r) {
    for (nn::Filter& filter : middle_) {
      const auto kernel = context_.conv({.in = filter.in(),
                                         .out = filter.out(),
                                         .rows = r,
                                         .cols = kBatchRow,
                                         .source = compute,
                                         .target = compute,
                                         .act = nn::Act::kRelu});
      layers[r].push_back({kernel, &filter.packed(context_, *kernel)});
    }
  }
  int widest = std::max(first_, last_);
  for (const nn::Filter& filter : middle_) widest = std::max(widest, filter.out());

  context_.pool().parallel_for(down * across, [&](int i, int worker) {
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
    base_kernel->run(worker, tile, base_packed, base);
    std::byte* filters = ws.get(Workspace::kFilters, pixels * outputs * element);
    filter_kernel->run(worker, tile, filter_packed, filters);

    std::byte* hidden = ws.get(Workspace::kHidden, static_cast<size_t>(kMaxBatch) * widest * element);
    std::byte* spare = ws.get(Workspace::kHidden2, static_cast<size_t>(kMaxBatch) * widest * element);
    auto* targets = ws.get_array<Target>(Workspace::kRows, kMaxBatch);
    int count = 0;
    const auto flush = [&] {
      const std::vector<Layer>& middle = layers[nn::ceil_div(count, kBatchRow)];
      std::byte* from = hidden;
      std::byte* to = spare;
      for (const Layer& layer : middle) {
        layer.kernel->run(worker, from, *layer.packed, to);
        std::swap(from, to);
      }
      for (int t = 0; t < count; ++t) {
        const Target& target = targets[t];
        float* pixel = out.pixel(target.y, target.x);
        if (compute == Element::kF32) {
          const float* a =
              reinterpret_cast<const float*>(filters) + static_cast<size_t>(target.source) * outputs;
          nn::filter_products(a, reinterpret_cast<const float*>(from) + static_cast<size_t>(t) * last_, last_,
                              pixel);
          for (int c = 0; c < 3; ++c) pixel[c] += a[3 * last_ + c];
        } else {
          const BFloat16* a =
              reinterpret_cast<const BFloat16*>(filters) + static_cast<size_t>(target.source) * outputs;
          nn::filter_products(a, reinterpret_cast<const BFloat16*>(from) + static_cast<size_t>(t) * last_,
                              last_, pixel);
          for (int c = 0; c < 3; ++c) pixel[c] += nn::to_float(a[3 * last_ + c]);
        }
      }
      count = 0;
    };
    for (int y = y0; y < y1; ++y) {
      const int source_row = (rows.source[y] - tile_y) * tile_cols;
      for (int x = x0; x < x1; ++x) {
        const int source = source_row + cols.source[x] - tile_x;
        const float* b = base + static_cast<size_t>(source) * first_;
        const size_t at = static_cast<size_t>(count) * first_;
        if (compute == Element::kF32) {
          nn::offset_relu(b, offset_y_.data(), offset_x_.data(), rows.relative[y], cols.relative[x],
                          reinterpret_cast<float*>(hidden) + at, first_);
        } else {
          nn::offset_relu(b, offset_y_.data(), offset_x_.data(), rows.relative[y], cols.relative[x],
                          reinterpret_cast<BFloat16*>(hidden) + at, first_);
        }
        targets[count++] = {y, x, source};
        if (count == kMaxBatch) flush();
      }
    }
    if (count > 0) flush();
  });
}

}  // namespace compass
