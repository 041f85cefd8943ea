// Tiles of a convolution in f32 that are read, and mostly written, where they lie in maps.
#include <algorithm>
#include <vector>

#include "nn/conv_pass_run.h"
#include "nn/float_conv.h"

namespace compass::nn {

bool ConvPass::run_on_maps(const Run& run, const ReadyPiece& ready, int row0, int col0, int worker) const {
  const ConvPlan& plan = run.plan;
  if (plan.compute != Element::kF32 || expand_ || spec_.transposed) return false;
  // The kernel of a GDN behind the convolution is for whole tiles; those at a map's end are smaller here.
  if (gamma_) return false;
  if (plan.padding.top != 0 || plan.padding.left != 0) return false;
  const int rows = std::min(plan.rows, plan.end_row - row0);
  const int cols = std::min(plan.cols, plan.end_col - col0);
  const int halo = (kernel_ - 1) / 2;
  const Rect window{col0 * spec_.stride - halo, row0 * spec_.stride - halo,
                    (cols - 1) * spec_.stride + kernel_, (rows - 1) * spec_.stride + kernel_};
  std::vector<FloatConv::Input> inputs;
  for (const MapView& view : run.inputs) {
    if (view.channels % kChannelBlock != 0 && run.inputs.size() > 1) return false;
    if (!view.holds(window, pad_channels(view.channels))) return false;
    inputs.push_back({view.grid(window.y, window.x), static_cast<size_t>(pad_channels(view.channels))});
  }
  const ConvShape& shape = ready.piece->conv.shape;
  const auto& kernel = static_cast<const FloatConv&>(*ready.conv.kernel);
  const auto channels = static_cast<size_t>(shape.out);
  Workspace& ws = run.context.workspace(worker);
  // Where the first output belongs in the map.
  const int y = row0 - plan.crop.top, x = col0 - plan.crop.left;
  const Rect& held = run.out.held;
  const bool direct = up_ == 1 && shift_.empty() && run.out.bf16 == nullptr && run.out.pitch == shape.out &&
                      y >= held.y && x >= held.x;
  if (!direct) {
    auto* tile = ws.get_array<float>(Workspace::kOutput, static_cast<size_t>(rows) * cols * channels);
    kernel.convolve(ws, inputs, rows, cols, *ready.conv.weights,
                    {{tile, cols * channels, channels}, {0, 0, cols, rows}});
    place_tile(run, ready, tile, rows, cols, {row0, col0, up_, plan.crop.top, plan.crop.left, plan.bounds},
               worker);
    return true;
  }
  FloatConv::Output output{{run.out.f32 + run.out.offset(y, x), held.width * channels, channels},
                           {plan.bounds.x - x, plan.bounds.y - y, plan.bounds.width, plan.bounds.height}};
  if (run.addend != nullptr) output.addend = run.addend->grid(y, x);
  kernel.convolve(ws, inputs, rows, cols, *ready.conv.weights, output);
  return true;
}

}  // namespace compass::nn
