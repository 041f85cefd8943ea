#include "codec/prediction_window.h"

#include <algorithm>
#include <cassert>

namespace compass {

PredictionWindow::PredictionWindow(Predictor& predictor, ImageView& below, const Liff::Geometry& geometry,
                                   int left, int right, Passed passed, int rows)
    : predictor_(predictor),
      below_(below),
      geometry_(geometry),
      passed_(passed),
      rows_(rows),
      part_{left, 0, right - left, 0} {}

void PredictionWindow::move_to(int top, int bottom) {
  assert(passed_ != Passed::kDiscarded || top >= part_.y);
  const int held_end = part_.y + part_.height;
  if (part_.height > 0 && top >= part_.y && bottom <= held_end) return;
  const size_t row = static_cast<size_t>(part_.width) * 3;
  const bool overlaps = part_.height > 0 && top >= part_.y && top <= held_end;
  const int first =
      overlaps ? (passed_ == Passed::kKept ? part_.y : top) : top;  // the window's new first row
  const int kept = overlaps ? held_end - first : 0;
  if (kept > 0 && first > part_.y) {
    const auto from = map_.data.begin() + static_cast<std::ptrdiff_t>((first - part_.y) * row);
    std::copy(from, map_.data.begin() + static_cast<std::ptrdiff_t>(part_.height * row), map_.data.begin());
  }
  part_ = {part_.x, first, part_.width, bottom - first};
  map_.data.reserve(rows_ * row);
  map_.data.resize(part_.height * row);
  map_.channels = 3;
  map_.height = part_.height;
  map_.width = part_.width;
  const Rect missing{part_.x, first + kept, part_.width, part_.height - kept};
  for (const Rect tile : prediction_tiles(missing)) {
    predictor_.predict(below_, geometry_, tile, part_, map_);
  }
  if (passed_ == Passed::kDiscarded) {
    const Rect last{part_.x, bottom - 1, part_.width, 1};
    below_.image.discard_rows(predictor_.footprint(geometry_, last).y - below_.part.y);
  }
}

}  // namespace compass
