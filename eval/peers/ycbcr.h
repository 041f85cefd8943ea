// Full-range BT.601 (ITU-R BT.601-7, 2.5): what codecs that know no RGB are given here.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace compass::eval {

inline constexpr double kLumaOfRed = 0.299;
inline constexpr double kLumaOfBlue = 0.114;
inline constexpr double kLumaOfGreen = 1.0 - kLumaOfRed - kLumaOfBlue;

// The nearest of 0..255.
inline uint8_t to_byte(double v) {
  return static_cast<uint8_t>(std::clamp(std::lround(v), 0L, 255L));
}

// Y, Cb, Cr of a pixel, each 0 to 255, not rounded.
inline std::array<double, 3> ycbcr_of(const uint8_t* rgb) {
  const double luma = kLumaOfRed * rgb[0] + kLumaOfGreen * rgb[1] + kLumaOfBlue * rgb[2];
  return {luma, 128.0 + (rgb[2] - luma) / (2.0 * (1.0 - kLumaOfBlue)),
          128.0 + (rgb[0] - luma) / (2.0 * (1.0 - kLumaOfRed))};
}

inline void rgb_of(double luma, double cb, double cr, uint8_t* rgb) {
  const double red = luma + (cr - 128.0) * 2.0 * (1.0 - kLumaOfRed);
  const double blue = luma + (cb - 128.0) * 2.0 * (1.0 - kLumaOfBlue);
  rgb[0] = to_byte(red);
  rgb[1] = to_byte((luma - kLumaOfRed * red - kLumaOfBlue * blue) / kLumaOfGreen);
  rgb[2] = to_byte(blue);
}

}  // namespace compass::eval
