// The prediction of one layer, every pixel made once, in a window of rows that moves down the picture with
// the tiles that need it.
#pragma once

#include "codec/predictor.h"
#include "networks/networks.h"

namespace compass {

class PredictionWindow {
 public:
  // What becomes of rows that the window has passed.
  enum class Passed {
    kKept,       // whoever passes twice over the picture pays once
    kMadeAgain,  // a second pass makes again what is no longer there
    kDiscarded,  // there is one pass; what is below them goes, too
  };

  // Columns [left, right) of the prediction from `below`; both it and the predictor must outlive the window.
  // Some `rows` are held at a time; memory for them is set aside at once, because growing would need it
  // twice.
  PredictionWindow(Predictor& predictor, ImageView& below, const Liff::Geometry& geometry, int left,
                   int right, Passed passed, int rows);

  // Has rows [top, bottom), and those behind them that were made before; drops rows above `top`.
  void move_to(int top, int bottom);

  // What is there, until the window moves.
  nn::MapView view() const { return nn::view_of(map_, part_, geometry_.target); }
  const float* pixel(int y, int x) const { return map_.pixel(y - part_.y, x - part_.x); }

 private:
  Predictor& predictor_;
  ImageView& below_;
  Liff::Geometry geometry_;
  Passed passed_;
  int rows_;
  Rect part_;
  Tensor map_;
};

// Moves the window to the rows of `part` and gives its view; no map where there is no window.
inline nn::MapView view_rows(PredictionWindow* window, Rect part) {
  if (window == nullptr) return {};
  window->move_to(part.y, part.y + part.height);
  return window->view();
}

// Predictions are made in tiles of this many pixels a side: LIFF's features, at the resolution below, are by
// far the largest maps of all.
inline constexpr int kPredictionSide = 1024;
inline std::vector<Rect> prediction_tiles(Rect part) {
  return tiles_of(part, kPredictionSide);
}

}  // namespace compass
