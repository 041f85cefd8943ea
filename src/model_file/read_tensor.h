// Tensors of a model file, read if they have the shape that they must have. Errors: kModel naming the tensor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "graph/stored_weights.h"
#include "model_file/safetensors.h"

namespace compass {

using TensorShape = std::vector<int64_t>;  // sides of -1 match anything

// kModel: "model tensor 'NAME' WHAT".
Error bad_tensor(const std::string& name, const std::string& what);

Status read_floats(const Safetensors& file, const std::string& name, const TensorShape& shape,
                   std::vector<float>& out);
Status read_integers(const Safetensors& file, const std::string& name, const TensorShape& shape,
                     std::vector<int32_t>& out);
// Conv weights stay as the file has them.
Status read_weights(const Safetensors& file, const std::string& name, const TensorShape& shape,
                    nn::StoredWeights& out);

}  // namespace compass
