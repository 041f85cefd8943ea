// Loop filters from pictures: which weights, and which directions for an encoder to go in, take most of the
// error out of a codec's reconstructions.
//
// Corrections are linear in the weights, so that all a picture has to say is its normal equations: A (taps
// and gates against each other) and B (against the error). Over pictures n, each with coefficients s_n,
//
//   sum over n of |error_n - correction_n(F_0 + sum over k of s_nk F_k)|^2 / |error_n|^2
//
// is lowered first by F_0 alone, which must do where no coefficients are spent, then by turns: coefficients
// for given F_k, F_k for given coefficients, from the principal directions of what single pictures would like
// F_0 to be. Pictures count in all eight ways to turn them over.
#pragma once

#include <memory>

#include "core/result.h"
#include "image/image.h"
#include "model_file/weights.h"

namespace compass::fit {

class FilterLearner {
 public:
  FilterLearner() = default;
  FilterLearner(const FilterLearner&) = delete;
  FilterLearner& operator=(const FilterLearner&) = delete;
  virtual ~FilterLearner() = default;

  // A layer as it was reconstructed without a filter, and as it should be. Same sizes.
  virtual void add(const Image& made, const Image& wanted) = 0;
  virtual int pictures() const = 0;

  // The filter with so many directions; there must be more pictures.
  virtual FilterWeights learn(int directions) const = 0;

  // By how much, in dB on average over the pictures added, the filter lowers the error: by its own weights,
  // and with the best coefficients.
  struct Gain {
    double fixed = 0.0;
    double adapted = 0.0;
  };
  virtual Gain gain(const FilterWeights& filter) const = 0;
};

// One that has seen nothing. It comes from a module (learner_module.h). Errors: kFailure (a broken
// installation).
Result<std::unique_ptr<FilterLearner>> make_filter_learner();

}  // namespace compass::fit
