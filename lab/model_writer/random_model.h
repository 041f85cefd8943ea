// Models of the profiles' shapes with random weights, to measure speed without a trained model. They do not
// compress.
#pragma once

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/result.h"
#include "model_file/model.h"

namespace compass {

// Weights of one op that keep activations O(1); `points` rate points.
nn::OpWeights random_weights(const nn::Op& op, int points, std::mt19937& generator);

// `profile` is "paper" (N = 128, M = 192, an RDN of 4 blocks, an MLP 256 wide) or "lite"; these with LIIF in
// LIFF's place ("paper-liif", "lite-liif"); lite with swift's LIFF ("lite-swift-liff"); lite with a
// factorised prior in the base codec
// ("lite-factorised"); or the paper's base codec with a factorised prior, alone ("factorised"). The same
// weights every time. Error: kUsage for any other name.
const std::vector<std::string>& random_profiles();
Result<std::shared_ptr<const Model>> random_model(const std::string& profile);

}  // namespace compass
