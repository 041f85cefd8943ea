// Dense float arrays that own their memory, 64-byte aligned.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <span>
#include <vector>

namespace compass {

// Minimal allocator: 64-byte alignment, so that vector loads and oneDNN never straddle cache lines.
template <typename T>
struct AlignedAllocator {
  using value_type = T;
  static constexpr std::align_val_t kAlignment{64};
  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT(google-explicit-constructor)
  T* allocate(size_t n) { return static_cast<T*>(::operator new(n * sizeof(T), kAlignment)); }
  void deallocate(T* p, size_t) { ::operator delete(p, kAlignment); }
  bool operator==(const AlignedAllocator&) const { return true; }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

// A feature map in memory order [H,W,C] (channels last): element (y, x, c) is data[(y*w + x)*c_count + c].
// Comments elsewhere give logical shapes as [C,H,W], as the field does.
struct Tensor {
  int channels = 0;
  int height = 0;
  int width = 0;
  AlignedVector<float> data;

  Tensor() = default;
  Tensor(int c, int h, int w)
      : channels(c), height(h), width(w), data(static_cast<size_t>(c) * h * w, 0.0F) {}

  float* pixel(int y, int x) { return data.data() + (static_cast<size_t>(y) * width + x) * channels; }
  const float* pixel(int y, int x) const {
    return data.data() + (static_cast<size_t>(y) * width + x) * channels;
  }
  float& at(int c, int y, int x) { return pixel(y, x)[c]; }
  float at(int c, int y, int x) const { return pixel(y, x)[c]; }
  size_t size() const { return data.size(); }
};

}  // namespace compass
