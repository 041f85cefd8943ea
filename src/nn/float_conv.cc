#include "nn/float_conv.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <vector>

#include "graph/geometry.h"
#include "nn/panel_product.h"

namespace compass::nn {
namespace {

// Bytes of the points and products that Winograd's algorithm works on at a time: about a core's second-level
// cache.
constexpr size_t kBlockBytes = size_t{1} << 20;

// Weights as 36 matrices of points, or as one matrix, [out/16][kernel_h * kernel_w * in][16].
struct PanelWeights final : PackedConvWeights {
  bool winograd = false;
  AlignedVector<float> values;
  const float* bias = nullptr;
};

// Floats from one point's values to the next point's. It is a little more than they take, so that the 36 do
// not fall into one set of a cache.
size_t point_stride(size_t blocks, int channels) {
  return blocks * channels + 48;
}

// [out][in][h][w] to [out/16][h][w][in][16].
void to_panels(const float* weights, const ConvShape& s, float* panels) {
  const size_t taps = static_cast<size_t>(s.kernel_h) * s.kernel_w, in = s.in;
  for (size_t panel = 0; panel < s.out / kPanelColumns; ++panel) {
    for (size_t tap = 0; tap < taps; ++tap) {
      for (size_t c = 0; c < in; ++c, panels += kPanelColumns) {
        const float* from = weights + (panel * kPanelColumns * in + c) * taps + tap;
        for (size_t o = 0; o < kPanelColumns; ++o) panels[o] = from[o * in * taps];
      }
    }
  }
}

}  // namespace

bool takes_winograd(const ConvShape& s) {
  return s.kernel_h == 3 && s.kernel_w == 3 && s.stride == 1 && s.rows % kWinogradBlock == 0 &&
         s.cols % kWinogradBlock == 0 && s.source == Element::kF32 && s.target == Element::kF32 &&
         !s.direct && s.in >= 16 && s.out >= 16;
}

FloatConv::FloatConv(const ConvShape& shape, Arithmetic arithmetic)
    : ConvKernel(shape, shape.direct ? "panels" : "winograd"),
      arithmetic_(arithmetic),
      slope_(slope_of(shape.act)) {
  assert(shape.source == Element::kF32 && shape.target == Element::kF32);
}

std::unique_ptr<PackedConvWeights> FloatConv::pack(const float* weights, const float* bias,
                                                   Workspace& /*workspace*/, int /*worker*/) const {
  const ConvShape& s = shape();
  auto packed = std::make_unique<PanelWeights>();
  packed->winograd = !s.direct;
  packed->bias = bias;
  const size_t pairs = static_cast<size_t>(s.in) * s.out;
  packed->values.resize(pairs * (s.direct ? s.kernel_h * s.kernel_w : kWinogradPoints));
  if (s.direct) {
    to_panels(weights, s, packed->values.data());
  } else {
    winograd_kernels(weights, s.in, s.out, packed->values.data());
  }
  return packed;
}

bool FloatConv::reads(const PackedConvWeights& weights) const {
  const auto* panels = dynamic_cast<const PanelWeights*>(&weights);
  return panels != nullptr && panels->winograd == !shape().direct;
}

struct FloatConv::Tile {
  std::span<const Input> inputs;
  int rows;
  int cols;
  const PanelWeights& weights;
  const Output& output;
};

// Whether pixels follow each other from row to row, in all inputs of a 1x1 convolution and in its outputs.
bool FloatConv::pixels_in_a_row(const Tile& tile) const {
  const auto cols = static_cast<size_t>(tile.cols);
  const auto dense = [cols](const auto& grid) { return grid.row == cols * grid.pitch; };
  return shape().kernel_h == 1 && shape().kernel_w == 1 && shape().stride == 1 && dense(tile.output.pixels) &&
         (tile.output.addend.data == nullptr || dense(tile.output.addend)) &&
         std::all_of(tile.inputs.begin(), tile.inputs.end(), [&](const Input& i) { return dense(i.pixels); });
}

void FloatConv::run(Workspace& workspace, int /*worker*/, const void* source,
                    const PackedConvWeights& weights, void* target) const {
  const ConvShape& s = shape();
  const auto in = static_cast<size_t>(s.in), out = static_cast<size_t>(s.out);
  const Input input{{static_cast<const float*>(source), s.in_cols() * in, in}, in};
  const Output output{{static_cast<float*>(target), s.cols * out, out}, {0, 0, s.cols, s.rows}};
  convolve(workspace, {&input, 1}, s.rows, s.cols, weights, output);
}

void FloatConv::convolve(Workspace& workspace, std::span<const Input> inputs, int rows, int cols,
                         const PackedConvWeights& weights, const Output& output) const {
  const Tile tile{inputs, rows, cols, static_cast<const PanelWeights&>(weights), output};
  if (shape().direct) {
    directly(tile);
  } else {
    by_winograd(workspace, tile);
  }
}

void FloatConv::by_winograd(Workspace& ws, const Tile& tile) const {
  const auto in = static_cast<size_t>(shape().in), out = static_cast<size_t>(shape().out);
  // As many rows of blocks at a time as fit in the cache.
  const int across = tile.cols / kWinogradBlock, down = tile.rows / kWinogradBlock;
  const size_t row_bytes = sizeof(float) * kWinogradPoints * (in + out) * across;
  const int strips = ceil_div(down, std::clamp(static_cast<int>(kBlockBytes / row_bytes), 1, down));
  const int strip = kWinogradBlock * ceil_div(down, strips);
  for (int y = 0; y < tile.rows; y += strip) {
    const int rows = std::min(strip, tile.rows - y);
    const size_t blocks = static_cast<size_t>(rows / kWinogradBlock) * across;
    const size_t in_stride = point_stride(blocks, shape().in), out_stride = point_stride(blocks, shape().out);
    auto* const points = ws.get_array<float>(Workspace::kPoints, kWinogradPoints * in_stride);
    auto* const products = ws.get_array<float>(Workspace::kProducts, kWinogradPoints * out_stride);
    size_t at = 0;
    for (const Input& input : tile.inputs) {
      const PixelGrid<const float>& p = input.pixels;
      winograd_inputs({p.data + y * p.row, p.row, p.pitch}, {rows, tile.cols, input.channels},
                      {points + at, in_stride, in}, arithmetic_);
      at += input.channels;
    }
    for (size_t p = 0; p < kWinogradPoints; ++p) {
      multiply_panels(points + p * in_stride, blocks, in, tile.weights.values.data() + p * in * out, out,
                      products + p * out_stride, arithmetic_);
    }
    const Output& o = tile.output;
    PixelGrid<const float> addend = o.addend;
    if (addend.data != nullptr) addend.data += y * addend.row;
    winograd_outputs({products, out_stride, out}, {rows, tile.cols, out}, tile.weights.bias, slope_, addend,
                     {o.clip.x, o.clip.y - y, o.clip.width, o.clip.height},
                     {o.pixels.data + y * o.pixels.row, o.pixels.row, o.pixels.pitch}, arithmetic_);
  }
}

// A row of outputs is one product: its left matrix has a row for each pixel, which is put together from the
// kernel's rows, or from its taps and inputs where these do not follow each other in memory.
void FloatConv::directly(const Tile& tile) const {
  const ConvShape& s = shape();
  const Output& o = tile.output;
  const Rect& clip = o.clip;
  const bool dense = tile.inputs.size() == 1 && tile.inputs[0].pixels.pitch == tile.inputs[0].channels;
  const int top = std::max(clip.y, 0), bottom = std::min(clip.y + clip.height, tile.rows);
  const int x = std::max(clip.x, 0), end = std::min(clip.x + clip.width, tile.cols);
  const bool together = pixels_in_a_row(tile) && end - x == tile.cols;  // all rows are one
  std::vector<LeftRun> runs;
  for (int y = top; y < (together ? std::min(top + 1, bottom) : bottom); ++y) {
    const int rows = together ? bottom - top : 1;
    runs.clear();
    for (int ky = 0; ky < s.kernel_h; ++ky) {
      for (int kx = 0; kx < s.kernel_w; ++kx) {
        for (const Input& input : tile.inputs) {
          const PixelGrid<const float>& p = input.pixels;
          const float* from = p.data + (y * s.stride + ky) * p.row + (x * s.stride + kx) * p.pitch;
          if (dense && kx > 0) {
            runs.back().length += input.channels;
          } else {
            runs.push_back({from, input.channels, s.stride * p.pitch});
          }
        }
      }
    }
    const AfterSum after{
        tile.weights.bias, slope_,
        o.addend.data == nullptr ? nullptr : o.addend.data + y * o.addend.row + x * o.addend.pitch,
        o.addend.pitch};
    multiply_panels(runs, static_cast<size_t>(rows) * (end - x), tile.weights.values.data(), s.out, after,
                    {o.pixels.data + y * o.pixels.row + x * o.pixels.pitch, o.pixels.pitch}, arithmetic_);
  }
}

}  // namespace compass::nn
