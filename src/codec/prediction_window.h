// The prediction of one layer, in a window of rows that moves down the picture with the tiles that read it,
// so that every pixel is predicted once.
#pragma once

#include "codec/predictor.h"
#include "networks/networks.h"

namespace compass {

class PredictionWindow {
 public:
  // What happens to rows above the window.
  enum class Passed {
    kKept,       // they stay, for further passes over the picture
    kMadeAgain,  // they are dropped, and predicted again if a further pass needs them
    kDiscarded,  // they are dropped for good, and so are their footprints in the layer below: there is one
                 // pass
  };

  // Columns [left, right) of the prediction from `below`; both it and the predictor must outlive the window.
  // Memory for `rows` rows, as many as the window should need at a time, is allocated at once: growing later
  // would need it twice.
  PredictionWindow(Predictor& predictor, ImageView& below, const Liff::Geometry& geometry, int left,
                   int right, Passed passed, int rows);

  // Makes the window hold rows [top, bottom); rows above `top` are treated as `passed` says.
  void move_to(int top, int bottom);

  // The rows that the window holds, until it moves.
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

// Pixels a side of the tiles in which predictions are computed. They bound LIFF's features, which are by far
// the largest maps of all.
inline constexpr int kPredictionSide = 1024;
inline std::vector<Rect> prediction_tiles(Rect part) {
  return tiles_of(part, kPredictionSide);
}

}  // namespace compass
