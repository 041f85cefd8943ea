// The names that a pickle may mention: the closed set that keeps reading a checkpoint from running anything.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "model_file/safetensors.h"

namespace compass {

// What a name in the pickle may stand for.
enum class PickleGlobal : uint8_t {
  kOrderedDict,
  kSize,
  kRebuildTensor,     // (storage, offset, size, stride, ...)
  kRebuildParameter,  // (tensor, ...): the tensor itself
  kStorageType,
  kOpaque,
};

struct KnownPickleGlobal {
  std::string_view module;
  std::string_view name;
  PickleGlobal global;
  DType dtype = DType::kF32;
};

inline constexpr std::array kPickleGlobals{
    KnownPickleGlobal{"collections", "OrderedDict", PickleGlobal::kOrderedDict},
    KnownPickleGlobal{"torch", "Size", PickleGlobal::kSize},
    KnownPickleGlobal{"torch._utils", "_rebuild_tensor", PickleGlobal::kRebuildTensor},
    KnownPickleGlobal{"torch._utils", "_rebuild_tensor_v2", PickleGlobal::kRebuildTensor},
    KnownPickleGlobal{"torch._utils", "_rebuild_parameter", PickleGlobal::kRebuildParameter},
    KnownPickleGlobal{"torch._utils", "_rebuild_parameter_with_state", PickleGlobal::kRebuildParameter},
    KnownPickleGlobal{"torch", "FloatStorage", PickleGlobal::kStorageType, DType::kF32},
    KnownPickleGlobal{"torch", "DoubleStorage", PickleGlobal::kStorageType, DType::kF64},
    KnownPickleGlobal{"torch", "HalfStorage", PickleGlobal::kStorageType, DType::kF16},
    KnownPickleGlobal{"torch", "BFloat16Storage", PickleGlobal::kStorageType, DType::kBF16},
    KnownPickleGlobal{"torch", "IntStorage", PickleGlobal::kStorageType, DType::kI32},
    KnownPickleGlobal{"torch", "LongStorage", PickleGlobal::kStorageType, DType::kI64},
    KnownPickleGlobal{"torch", "ShortStorage", PickleGlobal::kStorageType, DType::kI16},
    KnownPickleGlobal{"torch", "CharStorage", PickleGlobal::kStorageType, DType::kI8},
    KnownPickleGlobal{"torch", "ByteStorage", PickleGlobal::kStorageType, DType::kU8},
    KnownPickleGlobal{"torch", "BoolStorage", PickleGlobal::kStorageType, DType::kU8},
    // Found beside the weights in training checkpoints: best losses, schedules, options, devices.
    KnownPickleGlobal{"numpy.core.multiarray", "scalar", PickleGlobal::kOpaque},
    KnownPickleGlobal{"numpy._core.multiarray", "scalar", PickleGlobal::kOpaque},
    KnownPickleGlobal{"numpy", "dtype", PickleGlobal::kOpaque},
    KnownPickleGlobal{"_codecs", "encode", PickleGlobal::kOpaque},
    KnownPickleGlobal{"collections", "Counter", PickleGlobal::kOpaque},
    KnownPickleGlobal{"argparse", "Namespace", PickleGlobal::kOpaque},
    KnownPickleGlobal{"torch", "device", PickleGlobal::kOpaque},
};

}  // namespace compass
