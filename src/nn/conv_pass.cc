#include "nn/conv_pass.h"

#include <algorithm>
#include <cassert>

#include "graph/geometry.h"
#include "nn/conv_pass_run.h"
#include "nn/conv_weights.h"
#include "nn/kernels.h"
#include "nn/winograd.h"

namespace compass::nn {
namespace {

// Inputs of at most this many channels are expanded (expand_neighbourhoods): padded to kChannelBlock, most of
// their multiplications would be by zeros.
constexpr int kMaxExpandedChannels = 4;
// Output pixels of a tile: enough to keep the vector units busy, few enough for its data to stay in a core's
// L2 cache; fewer for small maps, so that several workers find something to do.
constexpr int kTilePixels = 512;
constexpr int kMinTilePixels = 96;
constexpr int kMaxTileColumns = 64;

// The length of even pieces that cover n, each at most `most`, rounded up to a multiple of `unit` where that
// fits. Maps of nearly equal size then share kernels, each of which takes milliseconds to compile.
int even_piece(int n, int most, int unit) {
  const int piece = ceil_div(n, ceil_div(n, most));
  const int rounded = round_up(piece, unit);
  return n > unit && rounded <= most ? rounded : piece;
}

// Cuts rows [y0, y1) and columns [x0, x1) of the convolution's outputs into tiles. Tiles are whole blocks of
// Winograd's algorithm, so that a pixel's value does not depend on which rectangle is asked for.
void cut(int y0, int y1, int x0, int x1, ConvPlan& plan) {
  plan.row0 = y0 / kWinogradBlock * kWinogradBlock;
  plan.col0 = x0 / kWinogradBlock * kWinogradBlock;
  plan.end_row = round_up(y1, kWinogradBlock);
  plan.end_col = round_up(x1, kWinogradBlock);
  const int height = plan.end_row - plan.row0;
  const int width = plan.end_col - plan.col0;
  const int64_t pixels = static_cast<int64_t>(height) * width;
  const int wanted = static_cast<int>(std::clamp<int64_t>(pixels / 16, kMinTilePixels, kTilePixels));
  plan.cols = even_piece(width, kMaxTileColumns, 8);
  const int rows_wanted = wanted / plan.cols / kWinogradBlock * kWinogradBlock;
  plan.rows = even_piece(height, std::max(kWinogradBlock, rows_wanted), kWinogradBlock);
  plan.across = ceil_div(width, plan.cols);
  plan.down = ceil_div(height, plan.rows);
}

}  // namespace

void ConvPlan::add_kernels(std::vector<KernelRequest>& kernels) const {
  for (const Piece& piece : pieces) {
    kernels.push_back(piece.conv);
    if (piece.gdn.weights != nullptr) kernels.push_back(piece.gdn);
  }
}

ConvPass::ConvPass(const ConvSpec& spec) : spec_(spec) {
  const int out = spec.out;
  kernel_ = spec.transposed ? 3 : spec.kernel;
  up_ = spec.transposed ? 2 : spec.up;
  sub_pitch_ = spec.keep_channels ? out : pad_channels(out);
  expand_ = !spec.transposed && spec.in <= kMaxExpandedChannels;
  tile_in_ = expand_ ? spec.in : pad_channels(spec.in);
  const ConvParameters parameters{spec.in, out, spec.kernel, spec.weight, spec.bias};
  if (!spec.transposed) {
    phases_.push_back({shuffled_weights(parameters, up_, sub_pitch_, expand_), 0, 0});
    return;
  }
  // With few output channels one convolution for all four phases pads less than four would.
  phases_apart_ = pad_channels(4 * sub_pitch_) * 9 > pad_channels(sub_pitch_) * 25;
  if (!phases_apart_) {
    phases_.push_back({joined_phases_weights(parameters, sub_pitch_), 0, 0});
    return;
  }
  sub_pitch_ = pad_channels(out);
  for (const int phase : {0, 1, 2, 3}) {
    phases_.push_back({phase_weights(parameters, sub_pitch_, phase / 2, phase % 2), phase / 2, phase % 2});
  }
}

void ConvPass::add_gdn(const GdnSpec& gdn) {
  assert(sub_pitch_ == pad_channels(spec_.out));
  const int c = spec_.out;
  std::vector<float> beta(*gdn.beta);
  beta.resize(pad_channels(c), 1.0F);  // padding: 0 / sqrt(1)
  gamma_ = pad_conv_weights(*gdn.gamma, beta, c, c, 1, 1);
  inverse_ = gdn.inverse;
}

void ConvPass::add_shift(const ShiftSpec& shift) {
  const int area = up_ * up_;
  shift_.assign(phases_[0].weights.out(), 0);
  for (int o = 0; o < spec_.out; ++o) {
    for (int s = 0; s < area; ++s) shift_[s * sub_pitch_ + o] = (*shift.shift)[o * area + s];
  }
  limit_ = shift.limit;
}

ConvPlan ConvPass::plan(Element compute, const Output& out, const Padding& padding, const Padding& crop) {
  const Rect& bounds = out.bounds;
  const bool plain = !out.addend && !gamma_ && shift_.empty() && !phases_apart_;
  ConvPlan plan{.bounds = bounds, .padding = padding, .crop = crop};
  plan.compute = spec_.exact ? Element::kF32 : compute;
  plan.target = plain && !out.f32 ? Element::kBF16 : Element::kF32;
  if (bounds.width <= 0 || bounds.height <= 0) return plan;
  cut((bounds.y + crop.top) / up_, ceil_div(bounds.y + bounds.height + crop.top, up_),
      (bounds.x + crop.left) / up_, ceil_div(bounds.x + bounds.width + crop.left, up_), plan);
  const int stride = spec_.transposed ? 1 : spec_.stride;
  plan.in_rows = (plan.rows - 1) * stride + kernel_;
  plan.in_cols = (plan.cols - 1) * stride + kernel_;
  const bool direct = spec_.exact || !worth_winograd(out.full, up_);
  for (Phase& phase : phases_) plan.pieces.push_back(plan_piece(plan, phase, direct));
  return plan;
}

ConvPlan::Piece ConvPass::plan_piece(const ConvPlan& plan, Phase& phase, bool direct) {
  ConvPlan::Piece piece{.conv = {.weights = &phase.weights, .shape = {}}, .dy = phase.dy, .dx = phase.dx};
  ConvShape& shape = piece.conv.shape;
  shape = {.in = phase.weights.in(),
           .out = phase.weights.out(),
           .kernel_h = phase.weights.kernel_h(),
           .kernel_w = phase.weights.kernel_w(),
           .stride = expand_ || spec_.transposed ? 1 : spec_.stride,
           .rows = plan.rows,
           .cols = plan.cols,
           .source = plan.compute,
           .target = plan.target,
           .act = spec_.act,
           .direct = direct};
  if (phases_apart_) {
    // The input starts dy rows and dx pixels into the tile. Its rows stay in_cols long, so that a phase of 2
    // taps yields one column too many. The last one reads on into the next row and, at the tile's end, into
    // slack.
    shape.cols = plan.in_cols - phase.weights.kernel_w() + 1;
    piece.skip = (static_cast<size_t>(phase.dy) * plan.in_cols + phase.dx) * tile_in_;
  }
  if (gamma_) {
    piece.gdn = {.weights = &*gamma_,
                 .shape = {.in = gamma_->in(),
                           .out = gamma_->out(),
                           .rows = plan.rows,
                           .cols = phases_apart_ ? shape.cols : plan.cols * up_ * up_,
                           .source = plan.compute,
                           .target = Element::kF32}};
  }
  return piece;
}

void ConvPass::run(Context& context, const ConvPlan& plan, std::span<const MapView> inputs, Map& out,
                   const MapView* addend) {
  const Run run{context, plan, inputs, out, addend};
  std::vector<ReadyPiece> ready;
  for (const ConvPlan::Piece& piece : plan.pieces) {
    ready.push_back({&piece, context.ready(piece.conv),
                     piece.gdn.weights != nullptr ? context.ready(piece.gdn) : ReadyConv{}});
  }
  context.pool().parallel_for(plan.down * plan.across, [&](int i, int worker) {
    const int row0 = plan.row0 + i / plan.across * plan.rows;
    const int col0 = plan.col0 + i % plan.across * plan.cols;
    if (run_on_maps(run, ready[0], row0, col0, worker)) return;
    const std::byte* source = gather_tile(run, row0, col0, context.workspace(worker));
    const Placement place{row0, col0, up_, plan.crop.top, plan.crop.left, plan.bounds};
    for (const ReadyPiece& r : ready) run_piece(run, r, source, place, worker);
  });
}

const std::byte* ConvPass::gather_tile(const Run& run, int row0, int col0, Workspace& ws) const {
  const ConvPlan& plan = run.plan;
  const size_t element = element_size(plan.compute);
  const size_t count = static_cast<size_t>(plan.in_rows) * plan.in_cols * tile_in_;
  const size_t slack = 4 * static_cast<size_t>(tile_in_) + kExpandSlack / element;
  const int halo = (kernel_ - 1) / 2;
  const int stride = spec_.transposed ? 1 : spec_.stride;
  std::byte* tile = ws.get(Workspace::kInput, (count + slack) * element);
  int at = 0;
  for (const MapView& view : run.inputs) {
    gather(view, plan.padding, row0 * stride - halo, col0 * stride - halo, plan.in_rows, plan.in_cols,
           plan.compute, tile, tile_in_, at);
    at += view.channels;
  }
  if (phases_apart_) std::fill_n(tile + count * element, slack * element, std::byte{0});
  if (!expand_) return tile;
  const int pitch = phases_[0].weights.in();
  std::byte* expanded =
      ws.get(Workspace::kRows, static_cast<size_t>(plan.rows) * plan.cols * pitch * element + kExpandSlack);
  expand_neighbourhoods(tile, plan.compute, tile_in_, kernel_, spec_.stride, plan.rows, plan.cols, expanded,
                        pitch);
  return expanded;
}

void ConvPass::run_piece(const Run& run, const ReadyPiece& ready, const std::byte* source,
                         const Placement& place, int worker) const {
  const ConvPlan& plan = run.plan;
  const ConvPlan::Piece& piece = *ready.piece;
  const int channels = piece.conv.shape.out;
  const int cols = piece.conv.shape.cols;
  const size_t pixels = static_cast<size_t>(plan.rows) * cols;
  std::byte* raw =
      run.context.workspace(worker).get(Workspace::kOutput, pixels * channels * element_size(plan.target));
  ready.conv.run(run.context.workspace(worker), worker, source + piece.skip * element_size(plan.compute),
                 raw);
  if (plan.target == Element::kBF16) {
    scatter(reinterpret_cast<const BFloat16*>(raw), plan.rows, plan.cols, channels, sub_pitch_, place,
            run.out);
    return;
  }
  auto* x = reinterpret_cast<float*>(raw);
  if (phases_apart_) {
    finish(run, ready, x, pixels, worker);
    scatter_phase(x, plan.rows, plan.cols, cols, channels, piece.dy, piece.dx, place, run.out);
    return;
  }
  place_tile(run, ready, x, plan.rows, plan.cols, place, worker);
}

void ConvPass::place_tile(const Run& run, const ReadyPiece& ready, float* x, int rows, int cols,
                          const Placement& place, int worker) const {
  const int channels = ready.piece->conv.shape.out;
  finish(run, ready, x, static_cast<size_t>(rows) * cols, worker);
  if (run.addend != nullptr) add_view(*run.addend, x, rows, cols, channels, place);
  scatter(x, rows, cols, channels, sub_pitch_, place, run.out);
}

void ConvPass::finish(const Run& run, const ReadyPiece& ready, float* x, size_t pixels, int worker) const {
  Workspace& ws = run.context.workspace(worker);
  const int channels = ready.piece->conv.shape.out;
  if (gamma_) {
    const size_t count = pixels * channels;
    const Element compute = run.plan.compute;
    auto* norm = ws.get_array<float>(Workspace::kNorm, count);
    std::byte* squares = ws.get(Workspace::kSquare, count * element_size(compute));
    if (compute == Element::kF32) {
      square(x, reinterpret_cast<float*>(squares), count);
    } else {
      square(x, reinterpret_cast<BFloat16*>(squares), count);
    }
    ready.gdn.run(ws, worker, squares, norm);
    normalise(x, norm, count, inverse_);
  }
  if (!shift_.empty()) {
    for (size_t q = 0; q < pixels; ++q) {
      shift_and_clamp(x + q * channels, shift_.data(), limit_, x + q * channels, channels);
    }
  }
}

}  // namespace compass::nn
