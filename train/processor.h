// Features of the processor, and settings of libraries, that the trainer depends on.
#pragma once

namespace compass::train {

// Whether products in bf16 are instructions (AVX-512 BF16, which machines with AMX have too) that oneDNN may
// use (ONEDNN_MAX_CPU_ISA). Without them LibTorch multiplies element by element, and a step takes minutes
// instead of seconds, or fails.
bool multiplies_bf16();

// Whether the processor has AVX-512, with which oneDNN's direct convolutions are the fastest.
bool has_wide_vectors();

// Makes OpenBLAS compute each product on the calling thread. Every core has a worker, so that OpenBLAS's own
// threads would only wait.
void keep_products_on_their_threads();

// Makes the allocator keep the memory that a step frees for the next step. Otherwise each large map is
// returned to the system and comes back by page faults.
void keep_freed_memory();

}  // namespace compass::train
