// What the trainer asks of the processor and the libraries that it runs on.
#pragma once

namespace compass::train {

// Whether products in bf16 are instructions (AVX-512 BF16, which machines with AMX have too) that oneDNN may
// use (ONEDNN_MAX_CPU_ISA). Without them LibTorch multiplies element by element, and a step takes minutes
// instead of seconds, or fails.
bool multiplies_bf16();

// Whether it has AVX-512, which oneDNN's direct kernels are best with.
bool has_wide_vectors();

// OpenBLAS computes a product on the thread that asks for it: every worker has its core, and threads of
// OpenBLAS's own would wait for it.
void keep_products_on_their_threads();

// Memory that a step frees stays with the process for the next one. A step's maps are large, and by default
// the allocator gives each back to the system, to have it again page fault by page fault.
void keep_freed_memory();

}  // namespace compass::train
