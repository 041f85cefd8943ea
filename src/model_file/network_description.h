// The description of one network: a list of ops, in JSON and as values.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "graph/op.h"
#include "model_file/json_fields.h"

namespace compass {

// The ops that `codec` lists under `key`; each within the limits of model_file/description.h.
std::vector<nn::Op> parse_network(FieldReader& r, const nlohmann::json& codec, const std::string& place,
                                  const char* key);

// What a network may contain, and the channels it must have at its ends.
struct NetworkRules {
  int in = 0;
  int out = 0;
  bool analysis = true;  // may shrink maps; else may enlarge them
  bool reads_prediction = false;
  bool integer = false;
  int prediction_channels = 0;
  int factor = 1;  // of the prediction's resolution to the input's of a synthesis network
};

// Checks one network: its ops are allowed there, and each takes the channels that the one before gives. Fills
// in the channels of shuffles.
void check_network(FieldReader& r, std::vector<nn::Op>& ops, const std::string& place,
                   const NetworkRules& rules);

// The list that parse_network reads.
nlohmann::json network_to_json(const std::vector<nn::Op>& ops);

}  // namespace compass
