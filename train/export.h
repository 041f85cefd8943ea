// Writes a trained system as a model file (docs/model_format.md).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "priors/symbol_counts.h"
#include "system.h"

namespace compass::train {

// How often y's symbols occurred in each codec: what its tables are made from.
struct CodecCounts {
  SymbolCounts base;
  SymbolCounts enhancement;  // of Mei's layers the first
  SymbolCounts second;       // of these alone
  // That of layer k's codec.
  SymbolCounts& of_layer(size_t k, bool own_weights) {
    return k == 0 ? base : k == 1 || !own_weights ? enhancement : second;
  }
};

// The file's bytes, of a model file or of a MeiModel (mei/mei_model.h): weights in fp16, vectors in fp32, the
// integer scale networks, and the CDF tables, all fixed here once and for all. `provenance` goes into the
// description as it is. Conv weights of modules named in `eight_bits` ("h_s", "conv1") are stored in 8 bits.
// Throws c10::Error if a sum of an integer network could leave the range that float arithmetic holds exactly.
std::vector<uint8_t> export_model(SystemImpl& system, const CodecCounts& counts,
                                  const nlohmann::json& provenance,
                                  const std::vector<std::string>& eight_bits = {});

// Throws c10::Error naming the first of `eight_bits` that matches no conv weights of the system.
void check_modules(SystemImpl& system, const std::vector<std::string>& eight_bits);

}  // namespace compass::train
