#include "nn/conv_pass.h"

#include <algorithm>
#include <cassert>

#include "graph/geometry.h"
#include "nn/kernels.h"
#include "nn/winograd.h"

namespace compass::nn {
namespace {

// Inputs of at most this many channels are expanded: padded to kChannelBlock they would waste most of the
// work.
constexpr int kMaxExpandedChannels = 4;
// Output pixels of a tile: enough to keep the vector units busy, few enough for its data to stay in a core's
// L2 cache; fewer for small maps, so that several workers find something to do.
constexpr int kTilePixels = 512;
constexpr int kMinTilePixels = 96;
constexpr int kMaxTileColumns = 64;

// Taps of a 5-tap transposed convolution of stride 2, padding 2: output 2m+p sums input m+d times tap p+2-2d.
// Phase 0: d = -1, 0, 1; phase 1: d = 0, 1.
int first_offset(int phase) {
  return phase == 0 ? -1 : 0;
}
int tap(int phase, int d) {
  return phase + 2 - 2 * d;
}

// Even pieces of at most `most` that cover n, rounded up to a multiple of `step` where that fits: sizes that
// are nearly alike then share their kernels, each of which takes milliseconds to compile.
int even_piece(int n, int most, int step) {
  const int piece = ceil_div(n, ceil_div(n, most));
  const int rounded = round_up(piece, step);
  return n > step && rounded <= most ? rounded : piece;
}

}  // namespace

// How a pass cuts its output into tiles; a function of sizes alone.
struct ConvPass::Tiling {
  int row0, col0;  // first output pixel, before the shuffle
  int rows, cols;  // of a tile
  int down, across;

  // Tiles are whole blocks of Winograd's convolution: so a pixel's value depends on its place alone, and not
  // on what else is asked for.
  Tiling(int y0, int y1, int x0, int x1)
      : row0(y0 / kWinogradBlock * kWinogradBlock), col0(x0 / kWinogradBlock * kWinogradBlock) {
    const int height = round_up(y1, kWinogradBlock) - row0;
    const int width = round_up(x1, kWinogradBlock) - col0;
    const int64_t pixels = static_cast<int64_t>(height) * width;
    const int wanted = static_cast<int>(std::clamp<int64_t>(pixels / 16, kMinTilePixels, kTilePixels));
    cols = even_piece(width, kMaxTileColumns, 8);
    const int rows_wanted = wanted / cols / kWinogradBlock * kWinogradBlock;
    rows = even_piece(height, std::max(kWinogradBlock, rows_wanted), kWinogradBlock);
    across = ceil_div(width, cols);
    down = ceil_div(height, rows);
  }
};

ConvPass::ConvPass(const ConvSpec& spec) : spec_(spec) {
  const int in = spec.in;
  const int out = spec.out;
  kernel_ = spec.kernel;
  up_ = spec.transposed ? 2 : spec.up;
  sub_pitch_ = spec.keep_channels ? out : pad_channels(out);
  expand_ = !spec.transposed && in <= kMaxExpandedChannels;
  tile_in_ = pad_channels(in);
  const std::vector<float>* weight = spec.weight;
  const std::vector<float>* bias = spec.bias;

  if (spec.transposed) {
    kernel_ = 3;
    // With few output channels one convolution for all four phases pads less than four would.
    phases_apart_ = pad_channels(4 * sub_pitch_) * 9 > pad_channels(sub_pitch_) * 25;
    const int padded_in = tile_in_;
    const auto at = [=](int o, int i, int ky, int kx) {
      return (*weight)[((static_cast<size_t>(i) * out + o) * 5 + ky) * 5 + kx];
    };
    if (phases_apart_) {
      sub_pitch_ = pad_channels(out);
      std::vector<float> padded_bias(sub_pitch_, 0.0F);
      std::copy(bias->begin(), bias->end(), padded_bias.begin());
      for (int dy = 0; dy < 2; ++dy) {
        for (int dx = 0; dx < 2; ++dx) {
          const int kh = 3 - dy;
          const int kw = 3 - dx;
          const int padded_out = sub_pitch_;
          const auto write = [=](float* to) {
            std::fill_n(to, static_cast<size_t>(padded_out) * padded_in * kh * kw, 0.0F);
            for (int o = 0; o < out; ++o) {
              for (int i = 0; i < in; ++i) {
                for (int ky = 0; ky < kh; ++ky) {
                  for (int kx = 0; kx < kw; ++kx) {
                    to[((static_cast<size_t>(o) * padded_in + i) * kh + ky) * kw + kx] =
                        at(o, i, tap(dy, ky + first_offset(dy)), tap(dx, kx + first_offset(dx)));
                  }
                }
              }
            }
          };
          phases_.push_back({Filter(padded_in, padded_out, kh, kw, write, padded_bias), dy, dx});
        }
      }
      return;
    }
    // All phases at once: a 3x3 convolution to 4 * out channels, taps a phase does not have being zero.
    const int pitch = sub_pitch_;
    const int padded_out = pad_channels(4 * pitch);
    std::vector<float> padded_bias(padded_out, 0.0F);
    for (int p = 0; p < 4; ++p) std::copy(bias->begin(), bias->end(), padded_bias.begin() + p * pitch);
    const auto write = [=](float* to) {
      std::fill_n(to, static_cast<size_t>(padded_out) * padded_in * 9, 0.0F);
      for (int p = 0; p < 4; ++p) {
        for (int o = 0; o < out; ++o) {
          for (int i = 0; i < in; ++i) {
            for (int ky = p / 2; ky < 3; ++ky) {
              for (int kx = p % 2; kx < 3; ++kx) {
                to[((static_cast<size_t>(p * pitch + o) * padded_in + i) * 3 + ky) * 3 + kx] =
                    at(o, i, tap(p / 2, ky - 1), tap(p % 2, kx - 1));
              }
            }
          }
        }
      }
    };
    phases_.push_back({Filter(padded_in, padded_out, 3, 3, write, std::move(padded_bias)), 0, 0});
    return;
  }

  // Output channels are reordered from (c, dy, dx), as stored, to (dy, dx, c), so that the shuffle copies
  // runs.
  const int area = up_ * up_;
  const int taps = spec.kernel * spec.kernel;
  const int pitch = sub_pitch_;
  const int padded_out = pad_channels(area * pitch);
  std::vector<float> padded_bias(padded_out, 0.0F);
  for (int o = 0; o < out; ++o) {
    for (int s = 0; s < area; ++s) padded_bias[s * pitch + o] = (*bias)[o * area + s];
  }
  const bool expand = expand_;
  const int filter_in = expand ? pad_channels(in * taps) : tile_in_;
  const auto write = [=](float* to) {
    const size_t row = static_cast<size_t>(filter_in) * (expand ? 1 : taps);
    std::fill_n(to, padded_out * row, 0.0F);
    for (int o = 0; o < out; ++o) {
      for (int s = 0; s < area; ++s) {
        const float* from = weight->data() + static_cast<size_t>(o * area + s) * in * taps;
        float* target = to + (static_cast<size_t>(s) * pitch + o) * row;
        for (int i = 0; i < in; ++i) {
          for (int t = 0; t < taps; ++t) target[expand ? t * in + i : i * taps + t] = from[i * taps + t];
        }
      }
    }
  };
  const int k = expand ? 1 : spec.kernel;
  phases_.push_back({Filter(filter_in, padded_out, k, k, write, std::move(padded_bias)), 0, 0});
  if (expand) tile_in_ = in;
}

void ConvPass::add_gdn(const GdnSpec& gdn) {
  assert(sub_pitch_ == pad_channels(spec_.out));
  const int c = spec_.out;
  std::vector<float> beta(*gdn.beta);
  beta.resize(pad_channels(c), 1.0F);  // padding: 0 / sqrt(1)
  gamma_ = pad_filter(gdn.gamma->data(), beta, c, c, 1, 1);
  inverse_ = gdn.inverse;
}

void ConvPass::add_shift(const ShiftSpec& shift) {
  const int area = up_ * up_;
  shift_.assign(phases_[0].filter.out(), 0);
  for (int o = 0; o < spec_.out; ++o) {
    for (int s = 0; s < area; ++s) shift_[s * sub_pitch_ + o] = (*shift.shift)[o * area + s];
  }
  limit_ = shift.limit;
}

void ConvPass::run(Context& context, std::span<const MapView> inputs, const Padding& padding,
                   const Padding& crop, Map& out, const Rect& bounds, const MapView* addend) {
  if (bounds.width <= 0 || bounds.height <= 0) return;
  const Tiling tiling((bounds.y + crop.top) / up_, ceil_div(bounds.y + bounds.height + crop.top, up_),
                      (bounds.x + crop.left) / up_, ceil_div(bounds.x + bounds.width + crop.left, up_));
  const bool direct = spec_.exact || !worth_winograd(out.full, up_);
  const Element compute = spec_.exact ? Element::kF32 : context.compute();
  const bool plain = addend == nullptr && !gamma_ && shift_.empty() && !phases_apart_;
  const Element target = plain && out.f32 == nullptr ? Element::kBF16 : Element::kF32;
  const int rows = tiling.rows;
  const int cols = tiling.cols;
  const int reach = (kernel_ - 1) / 2;
  const int stride = spec_.transposed ? 1 : spec_.stride;
  const int in_rows = (rows - 1) * stride + kernel_;
  const int in_cols = (cols - 1) * stride + kernel_;

  struct Ready {
    ReadyConv conv;
    ReadyConv gdn;
    int cols;     // of its output tile
    size_t skip;  // elements of the gathered tile before its first input
    const Phase* phase;
  };
  std::vector<Ready> ready;
  for (Phase& phase : phases_) {
    ConvShape shape{.in = phase.filter.in(),
                    .out = phase.filter.out(),
                    .kernel_h = phase.filter.kernel_h(),
                    .kernel_w = phase.filter.kernel_w(),
                    .stride = expand_ ? 1 : stride,
                    .rows = rows,
                    .cols = cols,
                    .source = compute,
                    .target = target,
                    .act = spec_.act,
                    .direct = direct};
    size_t skip = 0;
    if (phases_apart_) {
      // The input starts dy rows and dx pixels into the tile. Its rows stay in_cols long, so that a 2-tap
      // phase yields one column too many; the last one reads on into the next row, and past the tile's end
      // into slack.
      shape.cols = in_cols - phase.filter.kernel_w() + 1;
      skip = (static_cast<size_t>(phase.dy) * in_cols + phase.dx) * tile_in_;
    }
    Ready r{context.ready(phase.filter, shape), {}, shape.cols, skip, &phase};
    if (gamma_) {
      r.gdn = context.ready(*gamma_, {.in = gamma_->in(),
                                      .out = gamma_->out(),
                                      .rows = rows,
                                      .cols = phases_apart_ ? shape.cols : cols * up_ * up_,
                                      .source = compute,
                                      .target = Element::kF32});
    }
    ready.push_back(std::move(r));
  }
  const size_t element = element_size(compute);
  const int out_channels = phases_[0].filter.out();
  context.parallel_for(tiling.down * tiling.across, [&](int i, int worker) {
    Workspace& ws = context.workspace(worker);
    const int row0 = tiling.row0 + i / tiling.across * rows;
    const int col0 = tiling.col0 + i % tiling.across * cols;
    const size_t slack = 4 * static_cast<size_t>(tile_in_) + kExpandSlack / element;
    std::byte* tile =
        ws.get(Workspace::kInput, (static_cast<size_t>(in_rows) * in_cols * tile_in_ + slack) * element);
    int at = 0;
    for (const MapView& view : inputs) {
      gather(view, padding, row0 * stride - reach, col0 * stride - reach, in_rows, in_cols, compute, tile,
             tile_in_, at);
      at += view.channels;
    }
    if (phases_apart_) {
      std::fill_n(tile + static_cast<size_t>(in_rows) * in_cols * tile_in_ * element, slack * element,
                  std::byte{0});
    }
    const std::byte* source = tile;
    if (expand_) {
      const int pitch = phases_[0].filter.in();
      std::byte* expanded =
          ws.get(Workspace::kRows, static_cast<size_t>(rows) * cols * pitch * element + kExpandSlack);
      expand_neighbourhoods(tile, compute, tile_in_, kernel_, spec_.stride, rows, cols, expanded, pitch);
      source = expanded;
    }
    const Placement place{row0, col0, up_, crop.top, crop.left, bounds};
    for (const Ready& r : ready) {
      const size_t count = static_cast<size_t>(rows) * r.cols * out_channels;
      std::byte* raw = ws.get(Workspace::kOutput, count * element_size(target));
      r.conv.run(worker, source + r.skip * element, raw);
      if (target == Element::kBF16) {
        scatter(reinterpret_cast<const BFloat16*>(raw), rows, cols, out_channels, sub_pitch_, place, out);
        continue;
      }
      auto* x = reinterpret_cast<float*>(raw);
      if (gamma_) {
        auto* norm = ws.get_array<float>(Workspace::kNorm, count);
        std::byte* squares = ws.get(Workspace::kSquare, count * element);
        if (compute == Element::kF32) {
          square(x, reinterpret_cast<float*>(squares), count);
        } else {
          square(x, reinterpret_cast<BFloat16*>(squares), count);
        }
        r.gdn.run(worker, squares, norm);
        normalise(x, norm, count, inverse_);
      }
      if (!shift_.empty()) {
        const size_t pixels = static_cast<size_t>(rows) * cols;
        for (size_t q = 0; q < pixels; ++q) {
          shift_and_clamp(x + q * out_channels, shift_.data(), limit_, x + q * out_channels, out_channels);
        }
      }
      if (phases_apart_) {
        scatter_phase(x, rows, cols, r.cols, out_channels, r.phase->dy, r.phase->dx, place, out);
      } else {
        if (addend != nullptr) add_view(*addend, x, rows, cols, out_channels, place);
        scatter(x, rows, cols, out_channels, sub_pitch_, place, out);
      }
    }
  });
}

}  // namespace compass::nn
