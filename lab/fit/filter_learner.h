// Loop filters from pictures: the weights, and the directions in which an encoder may change them, that
// remove most of the error of a codec's reconstructions.
//
// Corrections are linear in the weights, so that a picture's normal equations are all that is needed of it: A
// (products of the terms gate * tap with each other) and B (with the error). Over pictures n, each with
// coefficients s_n,
//
//   sum over n of |error_n - correction_n(F_0 + sum over k of s_nk F_k)|^2 / |error_n|^2
//
// is minimised first over F_0 alone, which is the filter of files without coefficients. Then, by turns, over
// coefficients for given F_k and over F_k for given coefficients. The first F_k are the principal directions
// of the best filters of single pictures. Every picture counts in its eight symmetries.
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

  // Adds a picture: a layer reconstructed without a filter, and its original, of the same size.
  virtual void add(const Image& made, const Image& wanted) = 0;
  virtual int pictures() const = 0;

  // A filter with so many directions; more pictures than directions must have been added.
  virtual FilterWeights learn(int directions) const = 0;

  // By how much the filter lowers the error, in dB, on average over the pictures added: `fixed` with its own
  // weights alone, `adapted` with the best coefficients for each picture.
  struct Gain {
    double fixed = 0.0;
    double adapted = 0.0;
  };
  virtual Gain gain(const FilterWeights& filter) const = 0;
};

// A learner without pictures, from a module (learner_module.h). Errors: kFailure (the module cannot be
// loaded: a broken installation).
Result<std::unique_ptr<FilterLearner>> make_filter_learner();

}  // namespace compass::fit
