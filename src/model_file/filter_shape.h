// The loop filter's taps and gates, to which its weights belong, and the constants of both.
// docs/bitstream.md, section 5, has the definition.
#pragma once

#include <array>

namespace compass {

inline constexpr int kFilterTaps = 44;  // 3x3 pixels in three colours, 16 of luma around them, 1
inline constexpr int kFilterGates = 9;
inline constexpr int kFilterHalo = 3;  // of the loop filter, in pixels

inline constexpr int kLumaPlane = 3;                                        // beside R, G, B
inline constexpr std::array<float, 3> kFilterLuma{0.299F, 0.587F, 0.114F};  // of R, G, B

// Mean squared slopes of 8-bit luma: where the level of calm pixels has fallen to a half, where that of busy
// pixels has risen to a half, and what is added to the denominator of directions so that they vanish where
// there is no slope.
inline constexpr float kFilterCalm = 4.0F;
inline constexpr float kFilterBusy = 100.0F;
inline constexpr float kFilterFloor = 2.0F;

// The sample that a tap is: its plane, and its offset from the pixel itself.
struct FilterTap {
  int plane = 0;
  int dy = 0;
  int dx = 0;
  bool operator==(const FilterTap&) const = default;
};

// All taps but the last, which is 1.
inline constexpr auto kFilterTapPlaces = [] {
  std::array<FilterTap, kFilterTaps - 1> taps;
  int tap = 0;
  for (int plane = 0; plane < kLumaPlane; ++plane) {
    for (int dy = -1; dy <= 1; ++dy) {
      for (int dx = -1; dx <= 1; ++dx) taps[tap++] = {plane, dy, dx};
    }
  }
  for (int dy = -2; dy <= 2; ++dy) {
    for (int dx = -2; dx <= 2; ++dx) {
      if (dy == -2 || dy == 2 || dx == -2 || dx == 2) taps[tap++] = {kLumaPlane, dy, dx};
    }
  }
  return taps;
}();

// Which tap is the pixel itself, of one colour.
constexpr int centre_tap(int channel) {
  return 9 * channel + 4;
}
static_assert(kFilterTapPlaces[centre_tap(2)] == FilterTap{2, 0, 0});

}  // namespace compass
