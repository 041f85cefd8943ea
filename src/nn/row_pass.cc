#include "nn/row_pass.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>

#include "core/exact_math.h"
#include "graph/geometry.h"
#include "nn/kernels.h"

namespace compass::nn {
namespace {

// For every row of `bounds`: gathers it in f32, padded channels zero, lets `work` change it, scatters it.
void for_rows(Context& context, const MapView& x, Map& out, const Rect& bounds,
              const std::function<void(float* row, int y, int pitch, int worker)>& work) {
  const int pitch = pad_channels(x.channels);
  context.pool().parallel_for(bounds.height, [&](int i, int worker) {
    auto* row = context.workspace(worker).get_array<float>(Workspace::kInput,
                                                           static_cast<size_t>(bounds.width) * pitch);
    gather(x, {}, bounds.y + i, bounds.x, 1, bounds.width, Element::kF32, row, pitch);
    if (work) work(row, bounds.y + i, pitch, worker);
    const Placement place{
        .row0 = bounds.y + i, .col0 = bounds.x, .up = 1, .crop_top = 0, .crop_left = 0, .bounds = bounds};
    scatter(row, 1, bounds.width, pitch, pitch, place, out);
  });
}

}  // namespace

void copy_rows(Context& context, const MapView& x, Map& out, const Rect& bounds) {
  for_rows(context, x, out, bounds, nullptr);
}

namespace {

// The gains of a part of a map, padded with zeros: a vector for each rate that occurs in it.
class Gains {
 public:
  Gains(const std::vector<float>& log_gain, int channels, const RateField& rate, int stride,
        const Rect& bounds)
      : rate_(rate), stride_(stride) {
    for (int y = bounds.y; y < bounds.y + bounds.height; y = end_of_square(y)) {
      for (int x = bounds.x; x < bounds.x + bounds.width; x = end_of_square(x)) {
        std::vector<float>& gains = by_rate_[at(y, x)];
        if (!gains.empty()) continue;
        gains = gains_at(log_gain, channels, at(y, x));
        gains.resize(pad_channels(channels), 0.0F);
      }
    }
  }

  const float* of(int y, int x) const { return by_rate_.at(at(y, x)).data(); }
  // The first position behind `i` that can have another rate.
  int end_of_square(int i) const {
    if (rate_.squares == nullptr) return std::numeric_limits<int>::max();
    return ceil_div((i * stride_ / kRateSquare + 1) * kRateSquare, stride_);
  }

 private:
  float at(int y, int x) const { return rate_.at(y * stride_, x * stride_); }

  const RateField& rate_;
  int stride_;
  std::map<float, std::vector<float>> by_rate_;
};

}  // namespace

void gain_rows(Context& context, const MapView& x, const std::vector<float>& log_gain, const RateField& rate,
               int stride, Map& out, const Rect& bounds) {
  const Gains gains(log_gain, x.channels, rate, stride, bounds);
  for_rows(context, x, out, bounds, [&](float* row, int y, int pitch, int /*worker*/) {
    const int end = bounds.x + bounds.width;
    for (int first = bounds.x, next = 0; first < end; first = next) {
      next = std::min(gains.end_of_square(first), end);
      float* samples = row + static_cast<size_t>(first - bounds.x) * pitch;
      scale_channels(samples, gains.of(y, first), samples, next - first, pitch);
    }
  });
}

void gdn_rows(Context& context, const MapView& x, const KernelRequest& gamma, bool inverse, Map& out,
              const Rect& bounds) {
  const ReadyConv conv = context.ready(gamma);
  for_rows(context, x, out, bounds, [&](float* row, int /*y*/, int pitch, int worker) {
    const size_t count = static_cast<size_t>(bounds.width) * pitch;
    auto* squares = context.workspace(worker).get_array<float>(Workspace::kSquare, count);
    auto* norm = context.workspace(worker).get_array<float>(Workspace::kNorm, count);
    square(row, squares, count);
    conv.run(context.workspace(worker), worker, squares, norm);
    normalise(row, norm, count, inverse);
  });
}

void unshuffle_rows(Context& context, const MapView& x, const Padding& padding, int factor, Map& out,
                    const Rect& bounds) {
  const int channels = x.channels;
  const int pitch = pad_channels(channels * factor * factor);
  const int wide = bounds.width * factor;
  context.pool().parallel_for(bounds.height, [&](int i, int worker) {
    Workspace& ws = context.workspace(worker);
    auto* source = ws.get_array<float>(Workspace::kInput, static_cast<size_t>(wide) * channels);
    auto* row = ws.get_array<float>(Workspace::kOutput, static_cast<size_t>(bounds.width) * pitch);
    std::fill_n(row, static_cast<size_t>(bounds.width) * pitch, 0.0F);
    for (int dy = 0; dy < factor; ++dy) {
      gather(x, padding, (bounds.y + i) * factor + dy, bounds.x * factor, 1, wide, Element::kF32, source,
             channels);
      for (int col = 0; col < bounds.width; ++col) {
        for (int dx = 0; dx < factor; ++dx) {
          const float* from = source + static_cast<size_t>(col * factor + dx) * channels;
          float* to = row + static_cast<size_t>(col) * pitch + dy * factor + dx;
          for (int c = 0; c < channels; ++c) to[c * factor * factor] = from[c];
        }
      }
    }
    const Placement place{
        .row0 = bounds.y + i, .col0 = bounds.x, .up = 1, .crop_top = 0, .crop_left = 0, .bounds = bounds};
    scatter(row, 1, bounds.width, pitch, pitch, place, out);
  });
}

void shuffle_rows(Context& context, const MapView& x, const Padding& crop, int factor, Map& out,
                  const Rect& bounds) {
  const int channels = x.channels / (factor * factor);
  const int source_pitch = pad_channels(x.channels);
  const int pitch = pad_channels(channels);
  const int row0 = (bounds.y + crop.top) / factor;
  const int rows = ceil_div(bounds.y + bounds.height + crop.top, factor) - row0;
  const int col0 = (bounds.x + crop.left) / factor;
  const int cols = ceil_div(bounds.x + bounds.width + crop.left, factor) - col0;
  context.pool().parallel_for(rows, [&](int i, int worker) {
    Workspace& ws = context.workspace(worker);
    auto* source = ws.get_array<float>(Workspace::kInput, static_cast<size_t>(cols) * source_pitch);
    auto* row = ws.get_array<float>(Workspace::kOutput, static_cast<size_t>(cols) * factor * pitch);
    gather(x, {}, row0 + i, col0, 1, cols, Element::kF32, source, source_pitch);
    std::fill_n(row, static_cast<size_t>(cols) * factor * pitch, 0.0F);
    for (int dy = 0; dy < factor; ++dy) {
      for (int col = 0; col < cols; ++col) {
        for (int dx = 0; dx < factor; ++dx) {
          const float* from = source + static_cast<size_t>(col) * source_pitch + dy * factor + dx;
          float* to = row + (static_cast<size_t>(col) * factor + dx) * pitch;
          for (int c = 0; c < channels; ++c) to[c] = from[c * factor * factor];
        }
      }
      const Placement place{.row0 = (row0 + i) * factor + dy,
                            .col0 = col0 * factor,
                            .up = 1,
                            .crop_top = crop.top,
                            .crop_left = crop.left,
                            .bounds = bounds};
      scatter(row, 1, cols * factor, pitch, pitch, place, out);
    }
  });
}

void slope_rows(Context& context, const MapView& hidden, Act act, Map& x, const Rect& bounds) {
  const float slope = slope_of(act);
  const size_t count = static_cast<size_t>(bounds.width) * x.pitch;
  context.pool().parallel_for(bounds.height, [&](int i, int /*worker*/) {
    const size_t from = hidden.offset(bounds.y + i, bounds.x);
    const size_t to = x.offset(bounds.y + i, bounds.x);
    if (hidden.element == Element::kF32) {
      times_slope(static_cast<const float*>(hidden.data) + from, slope, x.f32 + to, count);
    } else {
      times_slope(static_cast<const BFloat16*>(hidden.data) + from, slope, x.bf16 + to, count);
    }
  });
}

std::vector<float> gains_at(const std::vector<float>& log_gain, int channels, float rate) {
  const int points = static_cast<int>(log_gain.size()) / channels;
  const float position = std::clamp(rate, 0.0F, static_cast<float>(points - 1));
  const int low = std::min(static_cast<int>(position), std::max(points - 2, 0));
  const int high = std::min(low + 1, points - 1);
  const float part = position - static_cast<float>(low);
  std::vector<float> gains(channels);
  for (int c = 0; c < channels; ++c) {
    const float v = log_gain[static_cast<size_t>(low) * channels + c] * (1.0F - part) +
                    log_gain[static_cast<size_t>(high) * channels + c] * part;
    gains[c] = static_cast<float>(exact_exp(v));
  }
  return gains;
}

}  // namespace compass::nn
