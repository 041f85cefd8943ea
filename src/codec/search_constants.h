// What the search for better symbols is tuned by (docs/log/search.md): the encoder's, codec/symbol_search.h,
// and the one that networks are trained behind, train/symbol_search.h. Measured on photos that the shipped
// model has not seen.
#pragma once

namespace compass {

// By how much more than in training an error counts. Bits of lower layers pay off in higher ones, and what
// searching saves goes into bits first.
inline constexpr double kSearchErrorWeight = 1.25;
inline constexpr double kSearchCaution = 1.15;   // curvatures are taken to be so many times what was measured
inline constexpr double kSearchFirstGain = 3.0;  // bits that the first round asks for; the last asks for none
inline constexpr double kSearchMoved = 0.6;      // of the symbols that would gain, in each round
inline constexpr double kSearchPrior = 16.0;    // positions that the mean curvature counts beside a channel's
inline constexpr double kSearchFarthest = 3.0;  // ratio of a channel's curvature to the mean, either way

// Where y is quantised dependently (codec/trellis_search.h). Bits that a squared error of 1 in y costs for
// the first path, the only one with --effort 0. Some three times the usual curvature: a path that trades its
// own error for bits makes errors that point in the same direction.
inline constexpr double kTrellisWeight = 32.0;
inline constexpr double kTrellisShare = 0.5;  // by which targets follow gradients

}  // namespace compass
