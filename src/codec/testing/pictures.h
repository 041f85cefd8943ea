// What the codec's tests share: models, a picture that is easy to tell apart, an encoding that must succeed.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "codec/encoder.h"
#include "image/image.h"
#include "model_file/model.h"
#include "model_writer/trellis_model.h"

namespace compass {

inline std::shared_ptr<const Model> must_load(const char* path) {
  auto model = Model::load(path);
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}
inline std::shared_ptr<const Model> tiny_model() {
  return must_load(COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors");
}
// The same networks with y quantised dependently; coarser below quality 40.
inline std::shared_ptr<const Model> tiny_trellis_model() {
  const auto file = Safetensors::load(COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors");
  EXPECT_TRUE(file);
  constexpr double kStep = 0.6;
  const LevelCounts none(kStep);
  const auto bytes = with_trellis(*file, {kStep, {40.0}}, none, none);
  EXPECT_TRUE(bytes);
  const auto model = Model::parse(*bytes);
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}
inline std::shared_ptr<const Model> shipped_model() {
  return must_load(COMPASS_SOURCE_DIR "/models/lite.safetensors");
}

// Encodes with everything kept that a test may want to compare.
inline EncodedPicture encode(Encoder& encoder, const Image& picture, std::vector<Size> sizes,
                             int effort = 0) {
  EncodeSettings settings;
  settings.sizes = std::move(sizes);
  settings.effort = effort;
  settings.measure = settings.keep_reconstructions = true;
  auto encoded = encoder.encode(picture, settings);
  EXPECT_TRUE(encoded) << encoded.error().message;
  return *std::move(encoded);
}

// Smooth colour, a few edges and a little noise.
inline Image test_picture(Size size) {
  Image image(size);
  uint32_t state = 1;
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < size.height; ++y) {
      for (int x = 0; x < size.width; ++x) {
        state = state * 1664525 + 1013904223;
        const double wave = 0.5 + 0.3 * std::sin(0.11 * x + c) * std::cos(0.07 * y);
        const double edge = (x / 9 + y / 13) % 2 ? 0.1 : -0.1;
        image.row(c, y)[x] = static_cast<float>(wave + edge + (state >> 24) / 255.0 * 0.05);
      }
    }
  }
  return image;
}

inline double largest_difference(const Image& a, const Image& b) {
  double largest = 0.0;
  for (int c = 0; c < 3; ++c) {
    for (size_t i = 0; i < a.plane(c).size(); ++i) {
      largest = std::max(largest, static_cast<double>(std::abs(a.plane(c)[i] - b.plane(c)[i])));
    }
  }
  return largest;
}

}  // namespace compass
