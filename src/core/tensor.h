// Dense float arrays that own their memory, 64-byte aligned.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <span>
#include <utility>
#include <vector>

#include "core/memory.h"

namespace compass {

// Minimal allocator: 64-byte alignment, so that vector loads and oneDNN never straddle cache lines. Elements
// that are given no value are left uninitialised: large arrays are mostly written whole right afterwards.
template <typename T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <typename U>
  AlignedAllocator(const AlignedAllocator<U>&) {}  // NOLINT(google-explicit-constructor)
  T* allocate(size_t n) { return static_cast<T*>(allocate_aligned(n * sizeof(T))); }
  void deallocate(T* p, size_t n) { free_aligned(p, n * sizeof(T)); }
  template <typename U, typename... Args>
  void construct(U* p, Args&&... args) {
    if constexpr (sizeof...(Args) == 0) {
      ::new (static_cast<void*>(p)) U;
    } else {
      ::new (static_cast<void*>(p)) U(std::forward<Args>(args)...);
    }
  }
  bool operator==(const AlignedAllocator&) const { return true; }
};

template <typename T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

// A feature map in memory order [H,W,C] (channels last): element (y, x, c) is data[(y*width + x)*channels +
// c]. Comments elsewhere give logical shapes as [C,H,W], as the field does.
struct Tensor {
  int channels = 0;
  int height = 0;
  int width = 0;
  AlignedVector<float> data;

  Tensor() = default;
  Tensor(int c, int h, int w)
      : channels(c), height(h), width(w), data(static_cast<size_t>(c) * h * w, 0.0F) {}

  // Changes the shape to [c,h,w] and allocates only if more elements are needed than before. Values are
  // undefined afterwards.
  void reshape(int c, int h, int w) {
    channels = c;
    height = h;
    width = w;
    const size_t count = static_cast<size_t>(c) * h * w;
    if (count > data.capacity()) data = {};  // a resize would copy the old values
    data.resize(count);
  }

  // Gives the memory of rows [0, end) back to the system: their values are undefined from then on.
  void discard_rows(int end) { discard(data.data(), sizeof(float) * channels * width * end); }

  float* pixel(int y, int x) { return data.data() + (static_cast<size_t>(y) * width + x) * channels; }
  const float* pixel(int y, int x) const {
    return data.data() + (static_cast<size_t>(y) * width + x) * channels;
  }
  float& at(int c, int y, int x) { return pixel(y, x)[c]; }
  float at(int c, int y, int x) const { return pixel(y, x)[c]; }
  size_t size() const { return data.size(); }
};

}  // namespace compass
