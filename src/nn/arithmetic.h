// How f32 arithmetic rounds.
#pragma once

namespace compass::nn {

enum class Arithmetic {
  kFast,   // a product and a sum round once where the processor can (fused multiply-add), else twice
  kExact,  // every product and every sum rounds, in an order that the specification lays down
           // (docs/numerics.md): the same bits on every processor
};

}  // namespace compass::nn
