// The description of one codec, in JSON and as values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "model_file/description.h"
#include "model_file/json_fields.h"

namespace compass {

// Where a codec stands.
struct CodecRules {
  bool reads_prediction = false;  // whether g_a and g_s may have a prediction to look at
  int context_channels = 0;       // channels that g_s takes in front of y
};

// The codec that a description has under `name`, checked. Fails in `r`.
CodecDescription parse_codec(FieldReader& r, const nlohmann::json& in, const std::string& name,
                             const CodecRules& rules);

// The object that parse_codec reads.
nlohmann::json codec_to_json(const CodecDescription& codec);

}  // namespace compass
