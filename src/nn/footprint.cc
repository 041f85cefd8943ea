#include "nn/footprint.h"

#include <algorithm>

#include "graph/winograd_points.h"

namespace compass::nn {
namespace {

// From samples of a map padded at its start by `padding` to those of the map itself. Never empty: padding
// repeats sample 0, so that a span within it gives that sample.
Span without_padding(Span padded, int padding, int extent) {
  const int begin = std::clamp(padded.begin - padding, 0, extent - 1);
  return {begin, std::clamp(padded.end - padding, begin + 1, extent)};
}

}  // namespace

Span grown(Span span, int halo, int extent) {
  return {std::max(span.begin - halo, 0), std::min(span.end + halo, extent)};
}

Span computed(Span out, int kernel, Reach reach) {
  if (reach == Reach::kOutputs || kernel != kWinogradInputs - kWinogradBlock + 1) return out;
  return {out.begin / kWinogradBlock * kWinogradBlock, round_up(out.end, kWinogradBlock)};
}

Span convolved(Span out, int kernel, int extent, Reach reach) {
  return grown(computed(out, kernel, reach), (kernel - 1) / 2, extent);
}

Rect convolved(Rect out, int kernel, Size full, Reach reach) {
  const Span y = convolved(Span{out.y, out.y + out.height}, kernel, full.height, reach);
  const Span x = convolved(Span{out.x, out.x + out.width}, kernel, full.width, reach);
  return {x.begin, y.begin, x.end - x.begin, y.end - y.begin};
}

Span input_footprint(const Op& op, bool analysis, int in_extent, int out_extent, Span out, Reach reach) {
  const int halo = (op.kernel - 1) / 2;
  if (analysis && op.align > 1) {
    const int padding = round_up(in_extent, op.align) - in_extent;
    const int stride = op.down();
    if (op.kind == OpKind::kUnshuffle) {
      return without_padding({out.begin * stride, out.end * stride}, padding, in_extent);
    }
    if (stride == 1) out = computed(out, op.kernel, reach);
    return without_padding({out.begin * stride - halo, (out.end - 1) * stride + halo + 1}, padding,
                           in_extent);
  }
  switch (op.kind) {
    case OpKind::kConv:
    case OpKind::kDeconv:
    case OpKind::kSubpel:
    case OpKind::kShuffle:
    case OpKind::kIntConv: {
      const int up = op.up();
      const int crop = up * in_extent - out_extent;
      const Span source{(out.begin + crop) / up, ceil_div(out.end + crop, up)};
      // A transposed convolution of 5x5 and stride 2 is one of 3x3 to four times the channels.
      const int kernel = op.kind == OpKind::kShuffle ? 1 : op.kind == OpKind::kDeconv ? 3 : op.kernel;
      return convolved(source, kernel, in_extent, reach);
    }
    case OpKind::kRes:
      return convolved(convolved(out, op.kernel, in_extent, reach), op.kernel, in_extent, reach);
    case OpKind::kUnshuffle:
    case OpKind::kGdn:
    case OpKind::kIgdn:
    case OpKind::kCondition:
    case OpKind::kRateGain:
      return out;
  }
  return out;
}

Span prediction_footprint(const Op& op, int extent, int full, Span out, Reach reach) {
  const Span positions = convolved(out, op.kernel, extent, reach);
  const int padding = op.factor * extent - full;
  return without_padding({positions.begin * op.factor, positions.end * op.factor}, padding, full);
}

}  // namespace compass::nn
