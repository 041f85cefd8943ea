#include "core/memory.h"

#include <cstdint>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace compass {
namespace {

constexpr std::align_val_t kAlignment{64};
#if defined(__linux__)
constexpr size_t kHugePage = size_t{2} << 20;
constexpr size_t kLarge = 2 * kHugePage;  // from here on rounding up to whole huge pages wastes little
#endif

}  // namespace

void* allocate_aligned(size_t bytes) {
#if defined(__linux__)
  if (bytes >= kLarge) {
    void* memory = ::operator new (bytes, std::align_val_t{kHugePage});
    // Advice: whether the kernel takes it changes speed alone.
    (void)madvise(memory, bytes, MADV_HUGEPAGE);
    return memory;
  }
#endif
  return ::operator new(bytes, kAlignment);
}

void free_aligned(void* memory, size_t bytes) noexcept {
#if defined(__linux__)
  if (bytes >= kLarge) {
    ::operator delete (memory, std::align_val_t{kHugePage});
    return;
  }
#endif
  (void)bytes;
  ::operator delete(memory, kAlignment);
}

void require_room(size_t bytes) {
#if defined(__linux__)
  void* const room = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) throw std::bad_alloc();
  munmap(room, bytes);
#else
  (void)bytes;
#endif
}

void discard(void* memory, size_t bytes) noexcept {
#if defined(__linux__)
  // Huge pages that lie inside: splitting them would cost more than they hold.
  const auto address = reinterpret_cast<uintptr_t>(memory);
  const size_t skipped = (kHugePage - address % kHugePage) % kHugePage;
  if (bytes < skipped + kHugePage) return;
  const size_t whole = (bytes - skipped) / kHugePage * kHugePage;
  // Without it, the pages stay until the array is freed.
  (void)madvise(static_cast<char*>(memory) + skipped, whole, MADV_DONTNEED);
#else
  (void)memory;
  (void)bytes;
#endif
}

}  // namespace compass
