// Where on the rate-point axis a picture lies: everywhere alike, or each square of it at a place of its own.
#pragma once

#include <algorithm>

namespace compass::nn {

// Pixels a side of the squares.
inline constexpr int kRateSquare = 64;

struct RateField {
  RateField(float rate = 0.0F) : rate(rate) {}  // not explicit: one rate for a whole picture is a field, too
  // `squares` [rows][columns] must outlive the field; the picture has that many squares, the last ones of a
  // row or column smaller.
  RateField(float rate, const float* squares, int rows, int columns)
      : rate(rate), squares(squares), rows(rows), columns(columns) {}

  // At a pixel of the picture; beyond its edges, that of the nearest square.
  float at(int y, int x) const {
    if (squares == nullptr) return rate;
    const int row = std::clamp(y / kRateSquare, 0, rows - 1);
    return squares[row * columns + std::clamp(x / kRateSquare, 0, columns - 1)];
  }

  float rate = 0.0F;               // the picture's
  const float* squares = nullptr;  // null: `rate` everywhere
  int rows = 0;
  int columns = 0;
};

}  // namespace compass::nn
