// What reading and writing safetensors files agree on, and the reading of bytes into tensors.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "model_file/tensor_view.h"

namespace compass {

// A file: the header's length in 8 bytes, the header, which is JSON, the data. This key is no tensor's.
inline constexpr size_t kLengthBytes = 8;
inline constexpr std::string_view kMetadataKey = "__metadata__";

// A tensor of scaled integers has values up to kMaxScaled and a companion of this name, its scales.
inline constexpr std::string_view kScaleSuffix = ".step";
inline constexpr float kMaxScaled = 127.0F;

struct SafetensorsParts {
  std::map<std::string, TensorView, std::less<>> tensors;  // views of the bytes that were read
  std::map<std::string, std::string, std::less<>> metadata;
};

// Checks everything that Safetensors promises. Errors: kModel.
Result<SafetensorsParts> read_safetensors(std::span<const uint8_t> bytes);

}  // namespace compass
