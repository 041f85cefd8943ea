// What the search for better symbols is tuned by (docs/log/search.md): the encoder's, codec/symbol_search.h,
// and the one that networks are trained behind, train/symbol_search.h. Measured on photos that the shipped
// model has not seen.
#pragma once

namespace compass {

// The factor by which an error weighs more than in training. Bits of lower layers also help the layers above,
// and a search lowers bits more easily than errors.
inline constexpr double kSearchErrorWeight = 1.25;
inline constexpr double kSearchCaution = 1.15;  // factor on the measured curvatures
inline constexpr double kSearchFirstGain =
    3.0;  // bits a move must gain in the first round; falls to 0 in the last
inline constexpr double kSearchMoved = 0.6;  // share of the gainful moves that a round makes
inline constexpr double kSearchPrior =
    16.0;  // weight of the mean curvature against a channel's own, in positions
inline constexpr double kSearchFarthest = 3.0;  // ratio of a channel's curvature to the mean, either way

// Where y is quantised dependently (codec/trellis_search.h).
// Bits that a squared error of 1 in y costs for the only path of --effort 0. Some three times the usual
// curvature: a path that trades its own error for bits makes errors that point in the same direction.
inline constexpr double kTrellisWeight = 32.0;
inline constexpr double kTrellisFirstWeight = 1.7;  // factor on the curvatures for a search's first path
// Share by which targets follow gradients, in the second round and in the last one of a long search.
inline constexpr double kTrellisShare = 0.7;
inline constexpr double kTrellisLastShare = 0.5;

}  // namespace compass
