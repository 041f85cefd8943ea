#include "processor.h"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace compass::train {
namespace {

// Whether the environment tells oneDNN to use no instructions for bf16. LibTorch asks the processor alone,
// and hands oneDNN products that it then refuses.
bool onednn_refuses_bf16() {
  const char* limit = std::getenv("ONEDNN_MAX_CPU_ISA");
  if (limit == nullptr) return false;
  constexpr std::array<std::string_view, 5> kWithBf16 = {"BF16", "FP16", "AMX", "AVX10", "DEFAULT"};
  return std::ranges::none_of(kWithBf16, [limit](std::string_view isa) {
    return std::string_view(limit).find(isa) != std::string_view::npos;
  });
}

}  // namespace

bool multiplies_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16") && !onednn_refuses_bf16();
#else
  return false;
#endif
}

bool has_wide_vectors() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f");
#else
  return false;
#endif
}

void keep_products_on_their_threads() {
  // LibTorch may be linked with another library: then there is nothing to set.
  using SetThreads = void (*)(int);
  if (const auto set = reinterpret_cast<SetThreads>(dlsym(RTLD_DEFAULT, "openblas_set_num_threads"))) set(1);
}

void keep_freed_memory() {
#ifdef __GLIBC__
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, -1);  // never
#endif
}

}  // namespace compass::train
