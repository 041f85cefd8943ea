#include "nn/footprint.h"

#include <algorithm>

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

Span input_footprint(const Op& op, bool analysis, int in_extent, int out_extent, Span out) {
  const int halo = (op.kernel - 1) / 2;
  if (analysis && op.align > 1) {
    const int padding = round_up(in_extent, op.align) - in_extent;
    const int stride = op.down();
    if (op.kind == OpKind::kUnshuffle) {
      return without_padding({out.begin * stride, out.end * stride}, padding, in_extent);
    }
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
      return grown(source,
                   op.kind == OpKind::kShuffle  ? 0
                   : op.kind == OpKind::kDeconv ? 1
                                                : halo,
                   in_extent);
    }
    case OpKind::kRes:
      return grown(out, 2 * halo, in_extent);
    case OpKind::kUnshuffle:
    case OpKind::kGdn:
    case OpKind::kIgdn:
    case OpKind::kCondition:
    case OpKind::kRateGain:
      return out;
  }
  return out;
}

Span prediction_footprint(const Op& op, int extent, int full, Span out) {
  const Span positions = grown(out, (op.kernel - 1) / 2, extent);
  const int padding = op.factor * extent - full;
  return without_padding({positions.begin * op.factor, positions.end * op.factor}, padding, full);
}

}  // namespace compass::nn
