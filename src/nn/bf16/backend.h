// The library that multiplies in bf16, if this build has one: oneDNN (nn/bf16/onednn_backend.cc).
#pragma once

#include <memory>

#include "nn/conv_kernel.h"

namespace compass::nn {

struct Bf16Support {
  bool available = false;  // by the library and the CPU
  bool amx = false;        // by matrix tiles: several times as fast as f32
};
Bf16Support bf16_support();

// Compiles convolutions whose sources, and targets or not, are bf16.
class Bf16Backend {
 public:
  virtual ~Bf16Backend() = default;
  // May be called from several of the workers at a time. Throws std::bad_alloc or std::runtime_error.
  virtual std::shared_ptr<const ConvKernel> compile(const ConvShape& shape) = 0;
};

// For kernels that run on so many workers. Only where bf16 is available; without, null.
std::unique_ptr<Bf16Backend> make_bf16_backend(int workers);

}  // namespace compass::nn
