// Between pixels side by side, as networks make them, and a row for each colour, as the loop filter and
// pictures have them; and from samples to bytes. Each exists twice: with Highway, and as a plain loop that
// says what it computes. Both give the same bits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace compass::nn {

// rows[c][x] = pixels[3 x + c], plus addend[3 x + c] unless that is null, for x < n.
void split_pixels(const float* pixels, const float* addend, size_t n, const std::array<float*, 3>& rows);

// bytes[x] = samples[x] clamped to 0..1, times 255, rounded half up, for x < n; NaN gives 0.
void round_samples(const float* samples, size_t n, uint8_t* bytes);

namespace plain {
void split_pixels(const float* pixels, const float* addend, size_t n, const std::array<float*, 3>& rows);
void round_samples(const float* samples, size_t n, uint8_t* bytes);
}  // namespace plain

}  // namespace compass::nn
