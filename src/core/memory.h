// Memory for large arrays.
#pragma once

#include <cstddef>

namespace compass {

// At least `bytes` uninitialised bytes, 64-byte aligned. Large blocks are aligned to huge pages, which the
// kernel is asked to use: touching new memory page by page costs as much as a light network. Throws
// std::bad_alloc like operator new.
void* allocate_aligned(size_t bytes);
// `bytes` as they were asked for.
void free_aligned(void* memory, size_t bytes) noexcept;

// Throws std::bad_alloc unless the process may map so many more bytes at this moment; they are not kept. For
// calls into code that crashes where memory is refused to it, instead of saying so.
void require_room(size_t bytes);

// Lets the system have the pages of `bytes` at `memory`, part of what allocate_aligned() gave. They still
// belong to their owner, to be written anew or freed, but what was in them is lost.
void discard(void* memory, size_t bytes) noexcept;

}  // namespace compass
