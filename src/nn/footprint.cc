#include "nn/footprint.h"

#include <algorithm>

namespace compass::nn {
namespace {

// Samples of a map padded at its start by `padding`, to samples of the map. Never empty: where only padding
// is asked for, its source, sample 0, is the answer.
Span without_padding(Span padded, int padding, int extent) {
  const int begin = std::clamp(padded.begin - padding, 0, extent - 1);
  return {begin, std::clamp(padded.end - padding, begin + 1, extent)};
}

}  // namespace

Span grown(Span span, int reach, int extent) {
  return {std::max(span.begin - reach, 0), std::min(span.end + reach, extent)};
}

Span needed_input(const Layer& layer, bool analysis, int in_extent, int out_extent, Span out) {
  const int reach = (layer.kernel - 1) / 2;
  if (analysis && layer.align > 1) {
    const int padding = round_up(in_extent, layer.align) - in_extent;
    const int step = layer.down();
    if (layer.op == Op::kUnshuffle) {
      return without_padding({out.begin * step, out.end * step}, padding, in_extent);
    }
    return without_padding({out.begin * step - reach, (out.end - 1) * step + reach + 1}, padding, in_extent);
  }
  switch (layer.op) {
    case Op::kConv:
    case Op::kDeconv:
    case Op::kSubpel:
    case Op::kShuffle:
    case Op::kIntConv: {
      const int up = layer.up();
      const int crop = up * in_extent - out_extent;
      const Span source{(out.begin + crop) / up, ceil_div(out.end + crop, up)};
      return grown(source, layer.op == Op::kShuffle ? 0 : layer.op == Op::kDeconv ? 1 : reach, in_extent);
    }
    case Op::kRes:
      return grown(out, 2 * reach, in_extent);
    case Op::kUnshuffle:
    case Op::kGdn:
    case Op::kIgdn:
    case Op::kCondition:
    case Op::kRateGain:
      return out;
  }
  return out;
}

Span needed_prediction(const Layer& layer, int extent, int full, Span out) {
  const Span positions = grown(out, (layer.kernel - 1) / 2, extent);
  const int padding = layer.factor * extent - full;
  return without_padding({positions.begin * layer.factor, positions.end * layer.factor}, padding, full);
}

}  // namespace compass::nn
