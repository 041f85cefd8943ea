#include "image/resize.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <vector>

namespace compass {
namespace {

// Keys' cubic convolution kernel (IEEE Trans. ASSP 29(6), 1981, eq. 15), a = -1/2; zero outside (-2, 2).
double keys_kernel(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return a * (((x - 5.0) * x + 8.0) * x - 4.0);
  return 0.0;
}

// Source samples [first, first + count) that output sample `i` of `target` over `source` samples reads.
struct Taps {
  int first;
  int count;
};

Taps taps_of(int source, int target, int i) {
  const double ratio = static_cast<double>(source) / target;
  const double centre = (i + 0.5) * ratio;
  const double support = 2.0 * std::max(1.0, ratio);
  const int first = std::max(0, static_cast<int>(centre - support + 0.5));
  const int end = std::min(source, static_cast<int>(centre + support + 0.5));
  return {first, end - first};
}

// One axis of a resampling, for output samples [begin, begin + taps.size()).
struct AxisFilter {
  std::vector<Taps> taps;
  std::vector<float> weights;  // `stride` per output sample; those past its count are unused
  int stride = 0;

  AxisFilter(int source, int target, int begin, int length) : taps(length) {
    const double ratio = static_cast<double>(source) / target;
    const double shrink = std::max(1.0, ratio);
    for (int n = 0; n < length; ++n) {
      taps[n] = taps_of(source, target, begin + n);
      stride = std::max(stride, taps[n].count);
    }
    weights.assign(static_cast<size_t>(stride) * length, 0.0F);
    std::vector<double> exact(stride);
    for (int n = 0; n < length; ++n) {
      const double centre = (begin + n + 0.5) * ratio;
      double sum = 0.0;
      for (int t = 0; t < taps[n].count; ++t) {
        exact[t] = keys_kernel((taps[n].first + t + 0.5 - centre) / shrink);
        sum += exact[t];
      }
      for (int t = 0; t < taps[n].count; ++t) of(n)[t] = static_cast<float>(exact[t] / sum);
    }
  }

  float* of(int n) { return weights.data() + static_cast<size_t>(n) * stride; }
  const float* of(int n) const { return weights.data() + static_cast<size_t>(n) * stride; }

  // The source samples that outputs [from, to) read together.
  Taps span(int from, int to) const {
    // Both ends of the taps rise with the output position.
    const int first = taps[from].first;
    return {first, taps[to - 1].first + taps[to - 1].count - first};
  }
};

// Floats in a vector register of any processor. Wider vectors are not worth a second code path here: the
// networks take a hundred times longer.
using Vec = float __attribute__((vector_size(16)));
constexpr int kVec = 4;

Vec load(const float* p) {
  Vec v;
  std::memcpy(&v, p, sizeof v);
  return v;
}
void store(Vec v, float* p) {
  std::memcpy(p, &v, sizeof v);
}

// Sums over taps run on blocks of kLanes neighbours, whose sums stay in registers:
// out[i] = sum over t of weight[t] * in[t * stride + i].
constexpr int kLanes = 16;

void combine_block(const float* in, size_t stride, const float* weight, int taps, float* out) {
  Vec sum[kLanes / kVec] = {};
  for (int t = 0; t < taps; ++t) {
    const Vec w = {weight[t], weight[t], weight[t], weight[t]};
    const float* row = in + t * stride;
    sum[0] += w * load(row);
    sum[1] += w * load(row + kVec);
    sum[2] += w * load(row + 2 * kVec);
    sum[3] += w * load(row + 3 * kVec);
  }
  for (int v = 0; v < kLanes / kVec; ++v) store(sum[v], out + v * kVec);
}

// Output rows per unit of work: enough that neighbours' shared source rows are resampled twice only rarely.
constexpr int kBandRows = 64;

// Memory one worker needs: the horizontally resampled rows of one band, and the transposed rows.
struct Scratch {
  AlignedVector<float> rows;
  AlignedVector<float> transposed;
};

// Where source samples come from: columns of the rows of one plane. `columns(c, y, x)` points at sample
// (y, x), further ones lie kStride elements apart, `sample` makes a float of an element.
struct Planes {
  const Image& crop;
  Rect held;  // of the source, what the crop is
  static constexpr int kStride = 1;
  const float* columns(int c, int y, int x) const { return crop.row(c, y - held.y) + (x - held.x); }
  static float sample(float v) { return v; }
};
// One channel, which is c = 0.
struct PlaneBytes {
  const PlaneView& plane;
  const std::array<float, 256>& samples = samples_of_bytes();
  static constexpr int kStride = 1;
  const uint8_t* columns(int /*c*/, int y, int x) const { return plane.row(y) + x; }
  float sample(uint8_t v) const { return samples[v]; }
};
struct DeepSamples {
  const Rgb16View& picture;
  static constexpr int kStride = 3;
  const uint16_t* columns(int c, int y, int x) const { return picture.row(y) + 3 * x + c; }
  static float sample(uint16_t v) { return sample_of_deep(v); }
};
struct Bytes {
  const Rgb8View& picture;
  const std::array<float, 256>& samples = samples_of_bytes();
  static constexpr int kStride = 3;
  const uint8_t* columns(int c, int y, int x) const { return picture.row(y) + 3 * x + c; }
  float sample(uint8_t v) const { return samples[v]; }
};

// Resamples rows [y, y + count), count <= kLanes, of plane `c`, of which columns [origin, origin + length)
// are read. Writes rows of filter.taps.size() samples one after the other. The rows are transposed, so that
// the sums run on vectors.
template <typename Source>
void resample_rows(const AxisFilter& filter, const Source& source, int c, int y, int origin, int length,
                   int count, AlignedVector<float>& transposed, float* out) {
  transposed.resize(static_cast<size_t>(length) * kLanes);  // lanes past `count` are computed and dropped
  constexpr int kBlock = 64;  // columns at a time, which stay in the first-level cache
  for (int begin = 0; begin < length; begin += kBlock) {
    const int end = std::min(begin + kBlock, length);
    for (int r = 0; r < kLanes; ++r) {
      const auto* in = source.columns(c, y + std::min(r, count - 1), origin);
      float* to = transposed.data() + r;
      for (int x = begin; x < end; ++x) {
        to[static_cast<size_t>(x) * kLanes] = source.sample(in[static_cast<size_t>(x) * Source::kStride]);
      }
    }
  }
  const int width = static_cast<int>(filter.taps.size());
  for (int n = 0; n < width; ++n) {
    const auto [first, taps] = filter.taps[n];
    float sum[kLanes];
    combine_block(transposed.data() + static_cast<size_t>(first - origin) * kLanes, kLanes, filter.of(n),
                  taps, sum);
    for (int r = 0; r < count; ++r) out[static_cast<size_t>(r) * width + n] = sum[r];
  }
}

// The same sum as combine_block for a row of any length.
void combine_rows(const float* in, size_t stride, const float* weight, int taps, int length, float* out) {
  int x = 0;
  for (; x + kLanes <= length; x += kLanes) combine_block(in + x, stride, weight, taps, out + x);
  for (; x < length; ++x) {
    float sum = 0.0F;
    for (int t = 0; t < taps; ++t) sum += weight[t] * in[t * stride + x];
    out[x] = sum;
  }
}

// Writes rows [from, to) of the result's plane `c` (rows counted within the region).
template <typename Source, typename Result>
void resample_band(const Source& source, const AxisFilter& across, const AxisFilter& down, int c, int from,
                   int to, Scratch& scratch, Result& result) {
  const Taps wanted = down.span(from, to);
  const Taps columns = across.span(0, static_cast<int>(across.taps.size()));
  const int width = static_cast<int>(across.taps.size());
  scratch.rows.resize(static_cast<size_t>(wanted.count) * width);
  for (int done = 0; done < wanted.count; done += kLanes) {
    resample_rows(across, source, c, wanted.first + done, columns.first, columns.count,
                  std::min(kLanes, wanted.count - done), scratch.transposed,
                  scratch.rows.data() + static_cast<size_t>(done) * width);
  }
  for (int y = from; y < to; ++y) {
    const auto [first, taps] = down.taps[y];
    const float* in = scratch.rows.data() + static_cast<size_t>(first - wanted.first) * width;
    combine_rows(in, width, down.of(y), taps, width, result.row(c, y));
  }
}

[[maybe_unused]] bool inside(Rect inner, Rect outer) {
  return inner.width > 0 && inner.height > 0 && inner.x >= outer.x && inner.y >= outer.y &&
         inner.x + inner.width <= outer.x + outer.width && inner.y + inner.height <= outer.y + outer.height;
}

// Fills `result`, of the region's size, which has `channels`.
template <typename Source, typename Result>
void resample(const Source& source, Size source_size, Size target, Rect region, int channels,
              ThreadPool* pool, Result& result) {
  assert(inside(region, whole(target)));
  const AxisFilter across(source_size.width, target.width, region.x, region.width);
  const AxisFilter down(source_size.height, target.height, region.y, region.height);
  const int bands = (region.height + kBandRows - 1) / kBandRows;
  std::vector<Scratch> scratch(pool != nullptr ? pool->threads() : 1);
  const auto body = [&](int i, int worker) {
    const int from = i / channels * kBandRows;
    resample_band(source, across, down, i % channels, from, std::min(from + kBandRows, region.height),
                  scratch[worker], result);
  };
  if (pool != nullptr) {
    pool->parallel_for(channels * bands, body);
  } else {
    for (int i = 0; i < channels * bands; ++i) body(i, 0);
  }
}

template <typename Source>
Image resampled(const Source& source, Size source_size, Size target, Rect region, ThreadPool* pool) {
  Image result = Image::unset(region.size());
  resample(source, source_size, target, region, 3, pool, result);
  return result;
}

// A single channel of floats.
struct FloatPlane {
  Size size;
  AlignedVector<float> samples;
  float* row(int /*c*/, int y) { return samples.data() + static_cast<size_t>(y) * size.width; }
};

}  // namespace

Rect resize_footprint(Size source, Size target, Rect region) {
  const auto axis = [](int m, int n, int begin, int length) {
    const Taps first = taps_of(m, n, begin);
    const Taps last = taps_of(m, n, begin + length - 1);
    return Taps{first.first, last.first + last.count - first.first};
  };
  const Taps x = axis(source.width, target.width, region.x, region.width);
  const Taps y = axis(source.height, target.height, region.y, region.height);
  return {x.first, y.first, x.count, y.count};
}

Image resize_region(const Image& crop, Rect held, Size source_size, Size target, Rect region,
                    ThreadPool* pool) {
  assert(held.size() == crop.size());
  assert(inside(resize_footprint(source_size, target, region), held));
  return resampled(Planes{crop, held}, source_size, target, region, pool);
}

Image resize_region(const Image& source, Size target, Rect region, ThreadPool* pool) {
  return resize_region(source, whole(source.size()), source.size(), target, region, pool);
}

Image resize_region(const Rgb8View& source, Size target, Rect region, ThreadPool* pool) {
  return resampled(Bytes{source}, source.size, target, region, pool);
}

Image resize_region(const Rgb16View& source, Size target, Rect region, ThreadPool* pool) {
  return resampled(DeepSamples{source}, source.size, target, region, pool);
}

Plane resize(PlaneView source, Size target, ThreadPool* pool) {
  FloatPlane result{target, AlignedVector<float>(static_cast<size_t>(target.pixels()))};
  resample(PlaneBytes{source}, source.size, target, whole(target), 1, pool, result);
  Plane plane(target);
  std::transform(result.samples.begin(), result.samples.end(), plane.samples.begin(), byte_of_sample);
  return plane;
}

Image resize(const Image& source, Size target, ThreadPool* pool) {
  return resize_region(source, target, whole(target), pool);
}

}  // namespace compass
