// A worker thread's memory.
#pragma once

#include <cstddef>

#include "core/tensor.h"

namespace compass::nn {

// Buffers of one worker thread. They only grow, so that repeated runs allocate nothing.
class Workspace {
 public:
  enum Slot {
    kInput,
    kOutput,
    kSquare,
    kNorm,
    kScratch,
    kBase,
    kTail,
    kHidden,
    kHidden2,
    kRows,
    kBlend,
    kPoints,
    kProducts,
    kSlots
  };
  // A slot's buffer, at least `bytes` bytes, 64-byte aligned. Its contents are lost if it has to grow.
  std::byte* get(Slot slot, size_t bytes) {
    if (slots_[slot].size() < bytes) slots_[slot] = AlignedVector<std::byte>(bytes);
    return slots_[slot].data();
  }
  template <typename T>
  T* get_array(Slot slot, size_t count) {
    return reinterpret_cast<T*>(get(slot, count * sizeof(T)));
  }
  size_t bytes() const {
    size_t sum = 0;
    for (const auto& slot : slots_) sum += slot.size();
    return sum;
  }

 private:
  AlignedVector<std::byte> slots_[kSlots];
};

}  // namespace compass::nn
