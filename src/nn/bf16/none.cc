// Of builds without a library for bf16.
#include "nn/bf16/backend.h"

namespace compass::nn {

Bf16Support bf16_support() {
  return {};
}

std::unique_ptr<Bf16Backend> make_bf16_backend(int /*workers*/) {
  return nullptr;
}

}  // namespace compass::nn
