// A model's tensors under the names of the authors' and CompressAI's state_dicts.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "model_file/safetensors.h"

namespace compass {

// A safetensors file of everything in `model`. A model with layers gives three dictionaries, told apart by
// prefix:
//   base_state_dict.   residual_state_dict.   conti_sr_state_dict.
// so that e.g. the base codec loads with
//   {k.removeprefix("base_state_dict."): v for k, v in load_file(path).items() if
//   k.startswith("base_state_dict.")}
// A one-layer model gives bare keys, as a CompressAI checkpoint has them. Parameters become F32. Constants
// that PyTorch keeps as buffers (bounds, pedestals, the scale table) and the CDF buffers are written too. The
// learned density of z is there if the model file holds it; without it, load with strict=False: coding needs
// the CDFs only. Ops that the reference's networks do not have keep our parameter names. Errors: kModel.
Result<std::vector<uint8_t>> export_state_dict(const Safetensors& model);

}  // namespace compass
