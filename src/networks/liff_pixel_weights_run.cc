// The planned grid's pixels, a tile of source pixels after the other.
#include <algorithm>
#include <array>
#include <utility>

#include "networks/liff_pixel_weights.h"
#include "networks/liif_corners.h"
#include "nn/float_conv.h"
#include "nn/tile_io.h"

namespace compass {
namespace {

using nn::BFloat16;
using nn::Element;
using nn::KernelRequest;
using nn::ReadyConv;
using nn::Workspace;

// Target samples [begin, end) whose source lies in [first, last).
std::pair<int, int> targets_of(const GridAxis& axis, int first, int last) {
  const auto begin = std::lower_bound(axis.source.begin(), axis.source.end(), first);
  const auto end = std::lower_bound(begin, axis.source.end(), last);
  return {static_cast<int>(begin - axis.source.begin()), static_cast<int>(end - axis.source.begin())};
}

std::vector<ReadyConv> ready(nn::Context& context, const std::vector<KernelRequest>& requests) {
  std::vector<ReadyConv> convs;
  for (const KernelRequest& request : requests) convs.push_back(context.ready(request));
  return convs;
}

}  // namespace

struct LiffPixelWeights::Run {
  const LiffPixelWeightsPlan& plan;
  const nn::MapView& features;
  const Targets& targets;
  float* out;
  size_t stride;
  ReadyConv base, tail;
  std::vector<ReadyConv> batch, rest;
};

struct LiffPixelWeights::Tile {
  int worker = 0;
  int y = 0, x = 0;             // its first source pixel
  const float* base = nullptr;  // B, [sources][base_pitch]
  size_t base_pitch = 0;
  const std::byte* tail = nullptr;  // A, [sources][tail_pitch]; of LIIF the last layer, for all of them
  size_t tail_pitch = 0;
  std::byte* hidden = nullptr;  // of a batch of targets, [kBatch][widest_]
  std::byte* spare = nullptr;
};

void LiffPixelWeights::run(const LiffPixelWeightsPlan& plan, const nn::MapView& features,
                           const Targets& targets, float* out, size_t stride) {
  std::span<float> bias = base_[0].bias();
  for (int i = 0; i < first_; ++i) {
    bias[i] = bias_[i] + targets.token_y * token_y_[i] + targets.token_x * token_x_[i];
  }
  const Run run{plan,
                features,
                targets,
                out,
                stride,
                context_.ready(plan.base),
                plan.tail.weights != nullptr ? context_.ready(plan.tail) : ReadyConv{},
                ready(context_, plan.batch),
                ready(context_, plan.rest)};
  context_.pool().parallel_for(plan.down * plan.across, [&](int i, int worker) { run_tile(run, i, worker); });
}

LiffPixelWeights::Tile LiffPixelWeights::make_tile(const Run& run, int y, int x, int worker) const {
  const LiffPixelWeightsPlan& plan = run.plan;
  const Element compute = context_.compute();
  const size_t element = nn::element_size(compute);
  const int padded_in = plan.base.shape.in;
  const int rows = plan.held_rows + side_ - 1;
  const int cols = plan.held_cols + side_ - 1;
  const size_t pixels = static_cast<size_t>(plan.held_rows) * plan.held_cols;
  const size_t batch_bytes = static_cast<size_t>(kBatch) * widest_ * element;
  Workspace& ws = context_.workspace(worker);
  std::byte* const hidden = ws.get(Workspace::kHidden, batch_bytes);
  std::byte* const spare = ws.get(Workspace::kHidden2, batch_bytes);
  const auto first = static_cast<size_t>(first_);
  if (compute == Element::kF32) {
    const float* both = make_both(run, y, x, ws);
    const auto pitch = static_cast<size_t>(plan.base.shape.out);
    if (!colours_.empty()) {
      return {worker, y,      x,    both, pitch, reinterpret_cast<const std::byte*>(colours_.data()),
              0,      hidden, spare};
    }
    return {worker, y,      x,    both, pitch, reinterpret_cast<const std::byte*>(both + first),
            pitch,  hidden, spare};
  }
  std::byte* sources = ws.get(Workspace::kInput, static_cast<size_t>(rows) * cols * padded_in * element);
  nn::gather(run.features, {}, y - side_ / 2, x - side_ / 2, rows, cols, compute, sources, padded_in);
  auto* base = ws.get_array<float>(Workspace::kBase, pixels * first_);
  run.base.run(ws, worker, sources, base);
  if (!colours_.empty()) {
    const auto* colours = reinterpret_cast<const std::byte*>(colours_bf16_.data());
    return {worker, y, x, base, first, colours, 0, hidden, spare};
  }
  std::byte* tail = ws.get(Workspace::kTail, pixels * plan.tail.shape.out * element);
  run.tail.run(ws, worker, sources, tail);
  return {worker, y, x, base, first, tail, static_cast<size_t>(tail_outputs_), hidden, spare};
}

// B and A of a tile, [sources][first_ + tail_outputs_], from the features where they lie. The last tiles of a
// row or column may be smaller than the others.
const float* LiffPixelWeights::make_both(const Run& run, int y, int x, Workspace& ws) const {
  const LiffPixelWeightsPlan& plan = run.plan;
  const int rows = std::min(plan.held_rows, plan.end_y - y), cols = std::min(plan.held_cols, plan.end_x - x);
  const auto pitch = static_cast<size_t>(plan.base.shape.out), row = plan.held_cols * pitch;
  auto* both = ws.get_array<float>(Workspace::kBase, static_cast<size_t>(plan.held_rows) * row);
  const int in = plan.base.shape.in;
  nn::FloatConv::Input input{{}, static_cast<size_t>(in)};
  const Rect window{x - side_ / 2, y - side_ / 2, cols + side_ - 1, rows + side_ - 1};
  if (run.features.holds(window, in)) {
    input.pixels = run.features.grid(window.y, window.x);
  } else {
    auto* sources = ws.get_array<float>(Workspace::kInput, static_cast<size_t>(window.size().pixels()) * in);
    nn::gather(run.features, {}, window.y, window.x, window.height, window.width, Element::kF32, sources, in);
    input.pixels = {sources, static_cast<size_t>(window.width) * in, static_cast<size_t>(in)};
  }
  static_cast<const nn::FloatConv&>(*run.base.kernel)
      .convolve(ws, {&input, 1}, rows, cols, *run.base.weights, {{both, row, pitch}, {0, 0, cols, rows}});
  return both;
}

void LiffPixelWeights::run_tile(const Run& run, int i, int worker) const {
  const LiffPixelWeightsPlan& plan = run.plan;
  const int tile_y = plan.source_y + i / plan.across * plan.tile_rows;
  const int tile_x = plan.source_x + i % plan.across * plan.tile_cols;
  const auto [y0, y1] = targets_of(run.targets.sources.rows, tile_y, tile_y + plan.tile_rows);
  const auto [x0, x1] = targets_of(run.targets.sources.cols, tile_x, tile_x + plan.tile_cols);
  if (y0 == y1 || x0 == x1) return;
  const Tile tile = make_tile(run, tile_y, tile_x, worker);
  const Rect targets{x0, y0, x1 - x0, y1 - y0};
  if (kind_ == LiffKind::kLiff) {
    run_targets(run, tile, targets);
  } else {
    run_corners(run, tile, targets);
  }
}

void LiffPixelWeights::run_targets(const Run& run, const Tile& tile, Rect part) const {
  const GridAxis& rows = run.targets.sources.rows;
  const GridAxis& cols = run.targets.sources.cols;
  auto* targets = context_.workspace(tile.worker).get_array<nn::LiffTarget>(Workspace::kRows, kBatch);
  int count = 0;
  for (int y = part.y; y < part.y + part.height; ++y) {
    const int source_row = (rows.source[y] - tile.y) * run.plan.held_cols - tile.x;
    float* pixel = run.out + static_cast<size_t>(y) * run.stride + 3 * static_cast<size_t>(part.x);
    for (int x = part.x; x < part.x + part.width; ++x, pixel += 3) {
      targets[count++] = {source_row + cols.source[x], rows.relative[y], cols.relative[x], pixel};
      if (count == kBatch) finish(run, tile, targets, std::exchange(count, 0));
    }
  }
  finish(run, tile, targets, count);
}

namespace {

// A target pixel of LIIF: what its four answers count, and where the result goes.
struct Blend {
  std::array<float, kLiifCorners> weights;
  float* out;
};

// answers [pixels][corners][3].
void blend(const Blend* pixels, int count, const float* answers) {
  for (int i = 0; i < count; ++i, answers += 3 * kLiifCorners) {
    for (int c = 0; c < 3; ++c) {
      float sum = 0.0F;
      for (int corner = 0; corner < kLiifCorners; ++corner) {
        sum += pixels[i].weights[corner] * answers[3 * corner + c];
      }
      pixels[i].out[c] = sum;
    }
  }
}

}  // namespace

void LiffPixelWeights::run_corners(const Run& run, const Tile& tile, Rect part) const {
  static_assert(kBatch % kLiifCorners == 0);
  const Sources& sources = run.targets.sources;
  const LiifAxis rows{sources.rows, sources.rows_after}, cols{sources.cols, sources.cols_after};
  Workspace& ws = context_.workspace(tile.worker);
  auto* targets = ws.get_array<nn::LiffTarget>(Workspace::kRows, kBatch);
  auto* answers = ws.get_array<float>(Workspace::kTail, size_t{3} * kBatch);
  auto* pixels = ws.get_array<Blend>(Workspace::kBlend, kBatch / kLiifCorners);
  int count = 0;
  const auto flush = [&] {
    finish(run, tile, targets, count);
    blend(pixels, count / kLiifCorners, answers);
    count = 0;
  };
  for (int y = part.y; y < part.y + part.height; ++y) {
    float* pixel = run.out + static_cast<size_t>(y) * run.stride + 3 * static_cast<size_t>(part.x);
    for (int x = part.x; x < part.x + part.width; ++x, pixel += 3) {
      pixels[count / kLiifCorners] = {liif_weights(rows, cols, y, x), pixel};
      for (int corner = 0; corner < kLiifCorners; ++corner, ++count) {
        const GridAxis& down = rows.at(corner / 2);
        const GridAxis& across = cols.at(corner % 2);
        const int source = (down.source[y] - tile.y) * run.plan.held_cols + across.source[x] - tile.x;
        targets[count] = {source, down.relative[y], across.relative[x], answers + 3 * size_t(count)};
      }
      if (count == kBatch) flush();
    }
  }
  flush();
}

void LiffPixelWeights::finish(const Run& run, const Tile& tile, const nn::LiffTarget* targets,
                              int count) const {
  for (int done = 0; done < count;) {
    const bool whole = count - done > kBatch - kRest;
    const int n = std::min(count - done, whole ? kBatch : kRest);
    finish(tile, targets + done, n, whole ? run.batch : run.rest);
    done += n;
  }
}

void LiffPixelWeights::finish(const Tile& tile, const nn::LiffTarget* targets, int count,
                              const std::vector<ReadyConv>& middle) const {
  const bool f32 = context_.compute() == Element::kF32;
  std::byte* hidden = tile.hidden;
  std::byte* spare = tile.spare;
  if (f32) {
    nn::offset_relu(tile.base, tile.base_pitch, offset_y_.data(), offset_x_.data(), targets, count,
                    reinterpret_cast<float*>(hidden), first_);
  } else {
    nn::offset_relu(tile.base, tile.base_pitch, offset_y_.data(), offset_x_.data(), targets, count,
                    reinterpret_cast<BFloat16*>(hidden), first_);
  }
  for (const ReadyConv& layer : middle) {
    layer.run(context_.workspace(tile.worker), tile.worker, hidden, spare);
    std::swap(hidden, spare);
  }
  if (f32) {
    nn::pixel_products(reinterpret_cast<const float*>(tile.tail), tile.tail_pitch,
                       reinterpret_cast<const float*>(hidden), last_, targets, count, context_.arithmetic());
  } else {
    nn::pixel_products(reinterpret_cast<const BFloat16*>(tile.tail), tile.tail_pitch,
                       reinterpret_cast<const BFloat16*>(hidden), last_, targets, count);
  }
}

}  // namespace compass
