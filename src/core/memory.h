// Memory for large arrays.
#pragma once

#include <cstddef>

namespace compass {

// At least `bytes` uninitialised bytes, 64-byte aligned. Large blocks are aligned to huge pages, which the
// kernel is asked to use: touching new memory page by page costs as much as a light network. Throws
// std::bad_alloc like operator new.
void* allocate_aligned(size_t bytes);
// `bytes` is what allocate_aligned was called with.
void free_aligned(void* memory, size_t bytes) noexcept;

// Throws std::bad_alloc unless the process could map `bytes` more now; nothing is reserved. Called before
// library code that crashes when an allocation fails.
void require_room(size_t bytes);

// Gives the whole pages among `bytes` bytes at `memory`, part of a block of allocate_aligned(), back to the
// system. The block stays allocated and may be written again, but its contents are undefined.
void discard(void* memory, size_t bytes) noexcept;

}  // namespace compass
