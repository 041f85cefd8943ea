// Systems of our own making that take part beside the shipped model: given by their model files, which say
// what they are.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/result.h"
#include "eval/compass_codec.h"
#include "eval/run_settings.h"
#include "mei/mei_model.h"

namespace compass::eval {

// One system: models for one rate each, lowest rate first, or one or two for all rates, as compass_points
// takes them.
struct Rival {
  std::string name;
  std::vector<std::shared_ptr<const Model>> models;  // either these: all of one layer, or all of more
  std::vector<std::shared_ptr<const MeiModel>> mei;  // or these
};

// Of "NAME=PATH,PATH...". Errors: kUsage (no name, no paths, files of different kinds, which are named), or
// as Model::load.
Result<Rival> load_rival(const std::string& text);

// It among the others: layers in one stream; of one-layer models one file for each size, alone and added up.
// `qualities` are those of a model for all rates.
Result<Contestant> rival_contestant(const Rival& rival, const std::vector<std::string>& qualities,
                                    const CodecOptions& options, const std::string& program);

// "12.3 kMAC/px to encode, 4.5 to decode" these sizes; with LIFF or LIIF also what decoding takes as their
// authors write them. Empty if it cannot make them.
std::string rival_cost(const Rival& rival, const std::vector<Size>& sizes);

}  // namespace compass::eval
