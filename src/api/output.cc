#include "api/output.h"

#include <cstring>
#include <limits>

#include "api/internal.h"
#include "image/image.h"

namespace compass::api {
namespace {

constexpr size_t kPlanes = 3;

// Bytes of a pixel in a row; 0 if the format is none.
size_t pixel_bytes(const compass_output& output) {
  int format = 0;  // the caller may have put any number there
  std::memcpy(&format, &output.format, sizeof format);
  switch (format) {
    case COMPASS_RGB:
      return 3;
    case COMPASS_RGBA:
    case COMPASS_BGRA:
      return 4;
    case COMPASS_RGB16:
      return 3 * sizeof(uint16_t);
    case COMPASS_RGBA16:
      return 4 * sizeof(uint16_t);
    case COMPASS_PLANAR_FLOAT:
      return sizeof(float);
    default:
      return 0;
  }
}

bool is_planar(const compass_output& output) {
  return output.format == COMPASS_PLANAR_FLOAT;
}

bool is_deep(const compass_output& output) {
  return output.format == COMPASS_RGB16 || output.format == COMPASS_RGBA16;
}

size_t sample_bytes(const compass_output& output) {
  return is_planar(output) ? sizeof(float) : is_deep(output) ? sizeof(uint16_t) : 1;
}

uint8_t rounded(uint8_t /*as*/, float sample) {
  return byte_of_sample(sample);
}
uint16_t rounded(uint16_t /*as*/, float sample) {
  return deep_of_sample(sample);
}

// `kPixel` samples a pixel, of which `kRed`, 1 and `kBlue` are the colours.
template <typename Sample, int kPixel, int kRed, int kBlue>
void put_samples(const SampleRows& samples, int count, bool grey, uint8_t* row) {
  auto* out = reinterpret_cast<Sample*>(row);
  for (int i = 0; i < count; ++i, out += kPixel) {
    Sample red = rounded(Sample{}, samples[0][i]);
    Sample green = rounded(Sample{}, samples[1][i]);
    Sample blue = rounded(Sample{}, samples[2][i]);
    if (grey) red = green = blue = static_cast<Sample>(grey_of(red, green, blue));
    out[kRed] = red;
    out[1] = green;
    out[kBlue] = blue;
  }
}

void put_floats(const SampleRows& samples, int count, bool grey, uint8_t* row, size_t plane_stride) {
  for (size_t c = 0; c < kPlanes; ++c) {
    auto* const out = reinterpret_cast<float*>(row + c * plane_stride);
    for (int i = 0; i < count; ++i) {
      out[i] = grey ? (samples[0][i] + samples[1][i] + samples[2][i]) / 3.0F : samples[c][i];
    }
  }
}

// The fourth sample of each pixel.
template <typename Sample>
void put_alpha(PlaneView alpha, int y, int x, int count, uint8_t* row) {
  constexpr int kOpaque = std::numeric_limits<Sample>::max();
  auto* const out = reinterpret_cast<Sample*>(row);
  for (int i = 0; i < count; ++i) {
    out[4 * i + 3] = static_cast<Sample>(alpha.empty() ? kOpaque : alpha.row(y)[x + i] * (kOpaque / 255));
  }
}

}  // namespace

Result<std::unique_ptr<Output>> Output::create(const compass_output& wish, Size size, bool grey) {
  const size_t pixel = pixel_bytes(wish);
  if (pixel == 0) return usage("output: format is none of compass_format's");
  if ((wish.pixels == nullptr) == (wish.rows == nullptr)) {
    return usage("output: either pixels or rows must be given, the other NULL");
  }
  std::unique_ptr<Output> output(new Output(wish, size, grey));
  const size_t row = static_cast<size_t>(size.width) * pixel;
  output->stride_ = wish.stride == 0 || wish.rows != nullptr ? row : wish.stride;
  if (wish.rows != nullptr) return output;

  const auto height = static_cast<size_t>(size.height);
  const auto name = [&] { return fmt::format("{}x{} pixels", size.width, size.height); };
  if (!is_possible(size, output->stride_, pixel)) {
    return usage(fmt::format("output: a stride of {} bytes cannot be for {}", wish.stride, name()));
  }
  const size_t plane = (height - 1) * output->stride_ + row;
  size_t needed = plane;
  if (is_planar(wish)) {
    output->plane_stride_ = wish.plane_stride == 0 ? height * output->stride_ : wish.plane_stride;
    if (output->plane_stride_ < plane || output->plane_stride_ > SIZE_MAX / 4) {
      return usage(
          fmt::format("output: a plane_stride of {} bytes cannot be for {}", wish.plane_stride, name()));
    }
    needed += (kPlanes - 1) * output->plane_stride_;
  }
  const auto address = reinterpret_cast<uintptr_t>(wish.pixels);
  if ((address | output->stride_ | output->plane_stride_) % sample_bytes(wish) != 0) {
    return usage("output: samples must lie at multiples of their size");
  }
  if (wish.size < needed) {
    return usage(fmt::format("output: {} take {} bytes, and size is {}", name(), needed, wish.size));
  }
  output->pixels_ = static_cast<uint8_t*>(wish.pixels);
  return output;
}

void Output::begin_band(int top, int bottom) {
  if (wish_.rows == nullptr) return;
  plane_stride_ = is_planar(wish_) ? static_cast<size_t>(bottom - top) * stride_ : 0;
  band_.resize(is_planar(wish_) ? kPlanes * plane_stride_ : static_cast<size_t>(bottom - top) * stride_);
  pixels_ = band_.data();
  first_row_ = top;
}

void Output::put(int y, int x, int count, const SampleRows& samples) {
  uint8_t* const out = row(y) + pixel_bytes(wish_) * x;
  switch (wish_.format) {
    case COMPASS_RGB:
      return put_samples<uint8_t, 3, 0, 2>(samples, count, grey_, out);
    case COMPASS_RGBA:
      put_samples<uint8_t, 4, 0, 2>(samples, count, grey_, out);
      return put_alpha<uint8_t>(alpha_, y, x, count, out);
    case COMPASS_BGRA:
      put_samples<uint8_t, 4, 2, 0>(samples, count, grey_, out);
      return put_alpha<uint8_t>(alpha_, y, x, count, out);
    case COMPASS_RGB16:
      return put_samples<uint16_t, 3, 0, 2>(samples, count, grey_, out);
    case COMPASS_RGBA16:
      put_samples<uint16_t, 4, 0, 2>(samples, count, grey_, out);
      return put_alpha<uint16_t>(alpha_, y, x, count, out);
    case COMPASS_PLANAR_FLOAT:
      return put_floats(samples, count, grey_, out, plane_stride_);
  }
}

bool Output::end_band(int top, int bottom) {
  if (wish_.rows == nullptr) return true;
  return wish_.rows(wish_.rows_user, top, bottom - top, pixels_, stride_, plane_stride_) == 0;
}

}  // namespace compass::api

void compass_output_init(compass_output* output) {
  if (output != nullptr) *output = {sizeof *output, COMPASS_RGB, nullptr, 0, 0, 0, nullptr, nullptr};
}
