// The tensors of ops.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "graph/op.h"
#include "model_file/read_tensor.h"

namespace compass {

// A tensor of an op: its name, its shape, and where its values go. Conv weights stay as the file has them.
struct Parameter {
  const char* name;
  TensorShape shape;
  std::variant<nn::StoredWeights*, std::vector<float>*, std::vector<int32_t>*> values;
};

// The parameters of one op, in no particular order. `w` may be written through the result.
std::vector<Parameter> parameters_of(const nn::Op& op, int rate_points, nn::OpWeights& w);

}  // namespace compass
