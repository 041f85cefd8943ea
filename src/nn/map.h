// Feature maps of a network's run, channels last: whole, or the rectangle of the whole that the run needs.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/size.h"
#include "core/tensor.h"
#include "nn/element.h"
#include "nn/pixel_grid.h"

namespace compass::nn {

// Memory for maps. Buffers are used again by later maps and only grow, so that of runs of equal sizes only
// the first allocates.
class BufferPool {
 public:
  class Buffer {
   public:
    Buffer() = default;
    Buffer(Buffer&& other) noexcept { *this = std::move(other); }
    Buffer& operator=(Buffer&& other) noexcept {
      std::swap(memory_, other.memory_);
      std::swap(pool_, other.pool_);
      return *this;
    }
    ~Buffer() {
      if (pool_ == nullptr) return;
      --pool_->lent_;
      // acquire() reserved the entry, so that this cannot fail.
      if (!memory_.empty()) pool_->free_.push_back(std::move(memory_));
    }
    std::byte* data() { return memory_.data(); }

   private:
    friend class BufferPool;
    AlignedVector<std::byte> memory_;
    BufferPool* pool_ = nullptr;
  };

  // At least `bytes` uninitialised bytes, 64-byte aligned. The pool must outlive the buffer. Throws
  // std::bad_alloc.
  Buffer acquire(size_t bytes) {
    free_.reserve(free_.size() + lent_ + 1);
    // The smallest that is large enough; else the largest is replaced by a larger one.
    size_t best = free_.size();
    for (size_t i = 0; i < free_.size(); ++i) {
      const size_t size = free_[i].size();
      if (best == free_.size()) {
        best = i;
      } else {
        const size_t have = free_[best].size();
        if (size >= bytes ? have < bytes || size < have : have < bytes && size > have) best = i;
      }
    }
    Buffer buffer;
    buffer.pool_ = this;
    ++lent_;
    if (best < free_.size()) {
      buffer.memory_ = std::move(free_[best]);
      free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(best));
    }
    if (buffer.memory_.size() < bytes) {
      buffer.memory_ = {};  // first, so that both are not held at once
      buffer.memory_ = AlignedVector<std::byte>(bytes);
    }
    return buffer;
  }
  // Gives unused memory back to the system.
  void trim() { free_.clear(); }

 private:
  std::vector<AlignedVector<std::byte>> free_;
  size_t lent_ = 0;  // buffers that are not back yet
};

// A view of a feature map or picture [C,H,W]: an array, owned by someone else, together with the rectangle of
// the whole that it holds. Element (y, x, c) of the whole, if inside `part`, is data[((y - held.y) *
// held.width + x - held.x) * pitch + c].
struct MapView {
  const void* data = nullptr;  // null: no map at all, such as the prediction of a base layer
  Element element = Element::kF32;
  int channels = 0;
  int pitch = 0;  // elements from pixel to pixel, >= channels; the excess is zero
  Rect part;      // what the array holds, in coordinates of the whole
  Rect held;  // the same with a border around it, if it has one: what the array is large enough for. Zeros,
              // but see slide_rows()
  Size full;  // the whole

  size_t offset(int y, int x) const {
    return (static_cast<size_t>(y - held.y) * held.width + static_cast<size_t>(x - held.x)) * pitch;
  }
  // Whether a convolution can read so many channels of the window's pixels. What is not inside `part` is
  // zero; of a map that slides only at its edges (slide_rows()).
  bool holds(const Rect& window, int wanted) const {
    return pitch >= wanted && window.x >= held.x && window.y >= held.y &&
           window.x + window.width <= held.x + held.width && window.y + window.height <= held.y + held.height;
  }
  // The pixels from (y, x) on, inside `held`, of a map in f32.
  PixelGrid<const float> grid(int y, int x) const {
    return {pixel(y, x), static_cast<size_t>(held.width) * pitch, static_cast<size_t>(pitch)};
  }
  // Position (y, x) of the whole, inside `held`, of a map in f32.
  const float* pixel(int y, int x) const { return static_cast<const float*>(data) + offset(y, x); }
};

// The view of a tensor that holds the rectangle `part` of a map of size `full`; of a whole map.
inline MapView view_of(const Tensor& tensor, Rect part, Size full) {
  return {tensor.data.data(), Element::kF32, tensor.channels, tensor.channels, part, part, full};
}
inline MapView view_of(const Tensor& tensor) {
  const Size size{tensor.width, tensor.height};
  return view_of(tensor, whole(size), size);
}

// A map with up to two copies of its values: in f32 for sums that later ops add to (the trunk of residual
// blocks), and in the format that the next convolution multiplies in. In f32 arithmetic they are one.
struct Map {
  int channels = 0;
  int pitch = 0;  // as in MapView, like `part` and `full`
  Rect part;
  Rect held;
  Size full;
  float* f32 = nullptr;
  BFloat16* bf16 = nullptr;
  BufferPool::Buffer f32_buffer, bf16_buffer;

  MapView view(Element element) const {
    return {element == Element::kF32 ? static_cast<const void*>(f32) : bf16,
            element,
            channels,
            pitch,
            part,
            held,
            full};
  }
  size_t offset(int y, int x) const {
    return (static_cast<size_t>(y - held.y) * held.width + static_cast<size_t>(x - held.x)) * pitch;
  }
};

// Pixels of zeros around a map that convolutions in f32 read, so that they read all of it alike: one for
// their kernel, three because Winograd's blocks begin and end at multiples of four.
inline constexpr int kMapBorder = 4;

// The rectangle of a map with its border. To the right it is as much wider as keeps the pixels of a block's
// rows out of each other's sets in a cache: 8 pixels of 128 channels, or 32 of 32, lie 4096 bytes apart.
inline Rect with_border(Rect part, int border) {
  if (border == 0) return part;
  const int width = part.width + 2 * border;
  return {part.x - border, part.y - border, width + (11 - width % 8) % 8, part.height + 2 * border};
}

// Zeros the border of a map in f32.
void clear_border(Map& map);

// Whether a map's first and last rows are those of all that is ever computed of it.
struct SlideEdges {
  bool top = true;
  bool bottom = true;
};

// Makes the map hold rows [first, end) of the whole instead: those that it held already move to their new
// place, the others are undefined. At edges and at both sides there are zeros around them, elsewhere the rows
// of the border are undefined, too: convolutions must read none of them. Only for maps without a copy in
// bf16; its memory must be large enough for so many rows.
void slide_rows(Map& map, int first, int end, const SlideEdges& edges);

// A map with memory for the copies asked for, values undefined but for a border of zeros, kMapBorder or 0
// pixels wide. Its pitch is a multiple of 16 channels. Whoever writes a pixel must zero the excess;
// convolutions do, since their padded outputs are zero. Only maps without a copy in bf16 have borders.
inline Map make_map(BufferPool& buffers, int channels, Rect part, Size full, bool f32, bool bf16,
                    int border) {
  Map map;
  map.channels = channels;
  map.pitch = (channels + 15) / 16 * 16;
  map.part = part;
  map.held = with_border(part, border);
  map.full = full;
  const size_t count = static_cast<size_t>(map.held.width) * map.held.height * map.pitch;
  if (f32) {
    map.f32_buffer = buffers.acquire(count * sizeof(float));
    map.f32 = reinterpret_cast<float*>(map.f32_buffer.data());
    if (border > 0) clear_border(map);
  }
  if (bf16) {
    map.bf16_buffer = buffers.acquire(count * sizeof(BFloat16));
    map.bf16 = reinterpret_cast<BFloat16*>(map.bf16_buffer.data());
  }
  return map;
}

}  // namespace compass::nn
