// Where the pixels that a reader decodes go: the caller's memory, or its callback.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "codec/pixel_sink.h"
#include "compass/compass.h"
#include "core/result.h"

namespace compass::api {

class Output : public PixelSink {
 public:
  // For a picture of this size, which may be grey: its three colours need not be decoded as the same. Error:
  // kUsage (no room for it, or the wish makes no sense).
  static Result<std::unique_ptr<Output>> create(const compass_output& wish, Size size, bool grey);

  void set_alpha(PlaneView alpha) override { alpha_ = alpha; }
  void begin_band(int top, int bottom) override;
  void put(int y, int x, int count, const SampleRows& samples) override;
  bool end_band(int top, int bottom) override;

 private:
  Output(const compass_output& wish, Size size, bool grey) : wish_(wish), size_(size), grey_(grey) {}
  uint8_t* row(int y) const { return pixels_ + static_cast<size_t>(y - first_row_) * stride_; }

  compass_output wish_;
  Size size_;
  bool grey_;
  PlaneView alpha_;            // none where the picture has none
  std::vector<uint8_t> band_;  // for the callback
  // Where row `first_row_` lies.
  uint8_t* pixels_ = nullptr;
  int first_row_ = 0;
  size_t stride_ = 0;
  size_t plane_stride_ = 0;
};

}  // namespace compass::api
