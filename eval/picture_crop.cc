#include "eval/picture_crop.h"

#include <algorithm>
#include <cstdlib>

namespace compass::eval {

Rect crop_of(const Picture& picture) {
  const int w = std::min(kCropSide, picture.size.width);
  const int h = std::min(kCropSide, picture.size.height);
  constexpr int kStride = 32;
  Rect best{0, 0, w, h};
  int64_t best_detail = -1;
  for (int y = 0; y + h <= picture.size.height; y += kStride) {
    for (int x = 0; x + w <= picture.size.width; x += kStride) {
      int64_t detail = 0;  // of the green channel, every other pixel
      for (int i = y; i + 1 < y + h; i += 2) {
        for (int j = x; j + 1 < x + w; j += 2) {
          const int here = picture.pixel(i, j)[1];
          detail += std::abs(picture.pixel(i, j + 1)[1] - here) + std::abs(picture.pixel(i + 1, j)[1] - here);
        }
      }
      if (detail > best_detail) {
        best_detail = detail;
        best = {x, y, w, h};
      }
    }
  }
  return best;
}

Picture cut(const Picture& picture, Rect rect) {
  Picture out(rect.size());
  for (int y = 0; y < rect.height; ++y) {
    std::copy_n(picture.pixel(rect.y + y, rect.x), static_cast<size_t>(rect.width) * 3, out.pixel(y, 0));
  }
  return out;
}

}  // namespace compass::eval
