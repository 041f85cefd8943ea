#include "nn/tile_io.h"

#include <algorithm>
#include <cstring>

#include "nn/context.h"
#include "nn/kernels.h"

namespace compass::nn {
namespace {

void copy(const float* from, float* to, size_t n) {
  std::memcpy(to, from, n * sizeof(float));
}
void copy(const BFloat16* from, BFloat16* to, size_t n) {
  std::memcpy(to, from, n * sizeof(BFloat16));
}
void copy(const float* from, BFloat16* to, size_t n) {
  round_to_bf16(from, to, n);
}
void copy(const BFloat16* from, float* to, size_t n) {
  widen(from, to, n);
}

// Pixels that lie `stride` elements apart: `channels` of each, then zeros up to `width`.
template <typename From, typename To>
void copy_pixels(const From* from, size_t from_stride, To* to, size_t to_stride, int count, int channels,
                 int width) {
  for (int i = 0; i < count; ++i, from += from_stride, to += to_stride) {
    copy(from, to, channels);
    if (width > channels) std::fill_n(to + channels, width - channels, To{0});
  }
}

// The same without conversion. Whole channel blocks go as moves of fixed size, which need no call.
template <typename T>
void copy_pixels(const T* from, size_t from_stride, T* to, size_t to_stride, int count, int channels,
                 int width) {
  constexpr size_t kBlockBytes = kChannelBlock * sizeof(T);
  if (channels % kChannelBlock != 0) {
    for (int i = 0; i < count; ++i, from += from_stride, to += to_stride) {
      std::copy_n(from, channels, to);
      if (width > channels) std::fill_n(to + channels, width - channels, T{0});
    }
    return;
  }
  for (int i = 0; i < count; ++i, from += from_stride, to += to_stride) {
    for (int c = 0; c < channels; c += kChannelBlock) std::memcpy(to + c, from + c, kBlockBytes);
  }
}

template <typename From, typename To>
void gather_as(const MapView& view, const Padding& padding, int y, int x, int rows, int cols, To* tile,
               int tile_pitch, int at) {
  const auto* data = static_cast<const From*>(view.data);
  const Rect& part = view.part;
  const int end_y = view.full.height + padding.top;
  // Columns of the tile: zeros, then copies of column 0, then the map, then zeros.
  const int first = std::clamp(-x, 0, cols);
  const int inside = std::clamp(std::max(padding.left + part.x, padding.left) - x, first, cols);
  const int replicated_from = part.x == 0 ? first : inside;
  const int last = std::clamp(padding.left + part.x + part.width - x, inside, cols);
  const int width = std::min(pad_channels(view.channels), tile_pitch - at);  // channels written per pixel
  const bool dense = at == 0 && tile_pitch == view.pitch && width == tile_pitch;
  const auto zero = [&](To* row, int from, int to) {
    for (int c = from; c < to; ++c) std::fill_n(row + static_cast<size_t>(c) * tile_pitch + at, width, To{0});
  };
  for (int r = 0; r < rows; ++r) {
    To* row = tile + static_cast<size_t>(r) * cols * tile_pitch;
    const int source_y = std::max(y + r - padding.top, 0);
    if (y + r < 0 || y + r >= end_y || source_y < part.y || source_y >= part.y + part.height) {
      zero(row, 0, cols);
      continue;
    }
    const From* source = data + view.offset(source_y, part.x);
    zero(row, 0, replicated_from);
    copy_pixels(source, 0, row + static_cast<size_t>(replicated_from) * tile_pitch + at, tile_pitch,
                inside - replicated_from, view.channels, width);
    if (last == inside) {
      zero(row, last, cols);
      continue;
    }
    const From* run = source + static_cast<size_t>(x + inside - padding.left - part.x) * view.pitch;
    if (dense) {
      copy(run, row + static_cast<size_t>(inside) * tile_pitch,
           static_cast<size_t>(last - inside) * tile_pitch);
    } else {
      copy_pixels(run, view.pitch, row + static_cast<size_t>(inside) * tile_pitch + at, tile_pitch,
                  last - inside, view.channels, width);
    }
    zero(row, last, cols);
  }
}

template <typename T>
void expand_as(const T* tile, int channels, int kernel, int stride, int rows, int cols, T* out,
               int out_pitch) {
  const size_t tile_cols = static_cast<size_t>(cols - 1) * stride + kernel;
  const int run = kernel * channels;
  // Runs are copied in moves of fixed size that reach beyond their end: what they overwrite there is written
  // later, and both buffers have kExpandSlack bytes behind them.
  constexpr int kMove = kExpandSlack / sizeof(T);
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c, out += out_pitch) {
      for (int ky = 0; ky < kernel; ++ky) {
        const T* from =
            tile +
            ((static_cast<size_t>(r) * stride + ky) * tile_cols + static_cast<size_t>(c) * stride) * channels;
        T* to = out + ky * run;
        for (int i = 0; i < run; i += kMove) std::memcpy(to + i, from + i, kExpandSlack);
      }
      for (int i = kernel * run; i < out_pitch; ++i) out[i] = T{0};
    }
  }
}

// Writes `n` values at `offset` of the map.
void put(const float* from, size_t n, size_t offset, Map& map) {
  if (map.f32 != nullptr && map.bf16 != nullptr) {
    copy_and_round(from, map.f32 + offset, map.bf16 + offset, n);
  } else if (map.f32 != nullptr) {
    copy(from, map.f32 + offset, n);
  } else {
    copy(from, map.bf16 + offset, n);
  }
}
void put(const BFloat16* from, size_t n, size_t offset, Map& map) {
  copy(from, map.bf16 + offset, n);
}

// A run of pixels [x, x + count) of map row y, clipped to the bounds; pixel i is at from + i*pitch.
template <typename T>
void put_run(const T* from, int pitch, int y, int x, int count, const Rect& bounds, Map& map) {
  const int begin = std::max(x, bounds.x);
  const int end = std::min(x + count, bounds.x + bounds.width);
  if (begin >= end) return;
  from += static_cast<size_t>(begin - x) * pitch;
  if (pitch == map.pitch) {
    put(from, static_cast<size_t>(end - begin) * pitch, map.offset(y, begin), map);
    return;
  }
  for (int i = begin; i < end; ++i, from += pitch) put(from, map.channels, map.offset(y, i), map);
}

template <typename T>
void scatter_as(const T* tile, int rows, int cols, int tile_pitch, int sub_pitch, const Placement& place,
                Map& map) {
  const int up = place.up;
  const int bottom = place.bounds.y + place.bounds.height;
  for (int r = 0; r < rows; ++r) {
    const T* row = tile + static_cast<size_t>(r) * cols * tile_pitch;
    for (int dy = 0; dy < up; ++dy) {
      const int y = up * (place.row0 + r) + dy - place.crop_top;
      if (y < place.bounds.y || y >= bottom) continue;
      if (up == 1) {
        put_run(row, tile_pitch, y, place.col0 - place.crop_left, cols, place.bounds, map);
        continue;
      }
      for (int c = 0; c < cols; ++c) {
        put_run(row + static_cast<size_t>(c) * tile_pitch + static_cast<size_t>(dy) * up * sub_pitch,
                sub_pitch, y, up * (place.col0 + c) - place.crop_left, up, place.bounds, map);
      }
    }
  }
}

}  // namespace

void gather(const MapView& view, const Padding& padding, int y, int x, int rows, int cols, Element element,
            void* tile, int tile_pitch, int at) {
  const bool from_f32 = view.element == Element::kF32;
  if (element == Element::kF32) {
    auto* to = static_cast<float*>(tile);
    from_f32 ? gather_as<float>(view, padding, y, x, rows, cols, to, tile_pitch, at)
             : gather_as<BFloat16>(view, padding, y, x, rows, cols, to, tile_pitch, at);
  } else {
    auto* to = static_cast<BFloat16*>(tile);
    from_f32 ? gather_as<float>(view, padding, y, x, rows, cols, to, tile_pitch, at)
             : gather_as<BFloat16>(view, padding, y, x, rows, cols, to, tile_pitch, at);
  }
}

void expand_neighbourhoods(const void* tile, Element element, int channels, int kernel, int stride, int rows,
                           int cols, void* out, int out_pitch) {
  if (element == Element::kF32) {
    expand_as(static_cast<const float*>(tile), channels, kernel, stride, rows, cols, static_cast<float*>(out),
              out_pitch);
  } else {
    expand_as(static_cast<const BFloat16*>(tile), channels, kernel, stride, rows, cols,
              static_cast<BFloat16*>(out), out_pitch);
  }
}

void scatter(const float* tile, int rows, int cols, int tile_pitch, int sub_pitch, const Placement& place,
             Map& map) {
  scatter_as(tile, rows, cols, tile_pitch, sub_pitch, place, map);
}

void scatter(const BFloat16* tile, int rows, int cols, int tile_pitch, int sub_pitch, const Placement& place,
             Map& map) {
  scatter_as(tile, rows, cols, tile_pitch, sub_pitch, place, map);
}

void add_view(const MapView& view, float* tile, int rows, int cols, int tile_pitch, const Placement& place) {
  const Rect& bounds = place.bounds;
  const int x = place.col0 - place.crop_left;
  const int begin = std::max(x, bounds.x);
  const int end = std::min(x + cols, bounds.x + bounds.width);
  if (begin >= end) return;
  for (int r = 0; r < rows; ++r) {
    const int y = place.row0 + r - place.crop_top;
    if (y < bounds.y || y >= bounds.y + bounds.height) continue;
    const size_t at = view.offset(y, begin);
    float* to = tile + (static_cast<size_t>(r) * cols + (begin - x)) * tile_pitch;
    const size_t count = static_cast<size_t>(end - begin) * tile_pitch;
    if (view.element == Element::kF32) {
      add(static_cast<const float*>(view.data) + at, to, count);
    } else {
      add(static_cast<const BFloat16*>(view.data) + at, to, count);
    }
  }
}

void scatter_phase(const float* tile, int rows, int cols, int tile_cols, int tile_pitch, int dy, int dx,
                   const Placement& place, Map& map) {
  const int bottom = place.bounds.y + place.bounds.height;
  for (int r = 0; r < rows; ++r) {
    const int y = place.up * (place.row0 + r) + dy - place.crop_top;
    if (y < place.bounds.y || y >= bottom) continue;
    const float* row = tile + static_cast<size_t>(r) * tile_cols * tile_pitch;
    for (int c = 0; c < cols; ++c) {
      put_run(row + static_cast<size_t>(c) * tile_pitch, tile_pitch, y,
              place.up * (place.col0 + c) + dx - place.crop_left, 1, place.bounds, map);
    }
  }
}

}  // namespace compass::nn
