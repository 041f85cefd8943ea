#include "entropy/alpha_coder.h"

#include <algorithm>

#include "entropy/alpha_model.h"
#include "entropy/binary_coder.h"

namespace compass {
namespace {

// The rows that contexts look at, with samples beside them for what lies outside the block: what the layer
// below estimates the nearest sample inside to be, 0 for the base layer.
class Rows {
 public:
  explicit Rows(int width) : width_(width), estimates_(width, 0) {
    for (auto& row : rows_) row.assign(static_cast<size_t>(width) + 2 * kMargin, 0);
  }

  void begin(int y, const AlphaEstimate& estimate) {
    if (!estimate.empty()) estimate.row(y, estimates_.data());
    if (y == 0) {
      for (auto& row : rows_) std::copy(estimates_.begin(), estimates_.end(), row.begin() + kMargin);
      for (auto& row : rows_) set_margins(row);
    } else {
      std::rotate(rows_.begin(), rows_.begin() + 1, rows_.end());
      set_margins(rows_[2]);
    }
  }

  uint8_t* current() { return rows_[2].data() + kMargin; }

  AlphaContext context(int x, int y, const AlphaEstimate& estimate) const {
    const uint8_t* const row = rows_[2].data() + kMargin + x;
    const uint8_t* const above = rows_[1].data() + kMargin + x;
    const int nn = rows_[0][kMargin + x];
    AlphaContext c{row[-1], row[-2], above[0], above[-1], above[1], above[2], nn, estimates_[x], {}};
    if (!estimate.empty()) {
      c.b = estimate.around(x, y);
    } else {
      c.e = std::clamp(c.w + c.n - c.nw, 0, 255);
      const auto e = static_cast<uint8_t>(c.e);
      c.b = {e, e, e, e, e, 0};
    }
    return c;
  }

 private:
  static constexpr int kMargin = 2;
  void set_margins(std::vector<uint8_t>& row) const {
    std::fill_n(row.begin(), kMargin, estimates_.front());
    std::fill_n(row.begin() + kMargin + width_, kMargin, estimates_.back());
  }

  int width_;
  std::vector<uint8_t> estimates_;
  std::array<std::vector<uint8_t>, 3> rows_;  // the second above, the one above, this one
};

// Codes a block either way. `row_of(y)` is a row to write, or null; `done(y, row)` gets each row.
template <typename RowOf, typename Code, typename Done>
void code_block(Size size, const AlphaEstimate& estimate, const RowOf& row_of, const Code& code,
                const Done& done) {
  AlphaModel model;
  Rows rows(size.width);
  for (int y = 0; y < size.height; ++y) {
    rows.begin(y, estimate);
    const uint8_t* const in = row_of(y);
    uint8_t* const row = rows.current();
    for (int x = 0; x < size.width; ++x) {
      const int value = in != nullptr ? in[x] : 0;
      row[x] = static_cast<uint8_t>(model.sample(rows.context(x, y, estimate), value, code));
    }
    done(y, row);
  }
}

bool is_constant(PlaneView samples) {
  const uint8_t first = samples.row(0)[0];
  for (int y = 0; y < samples.size.height; ++y) {
    const uint8_t* const row = samples.row(y);
    if (!std::all_of(row, row + samples.size.width, [first](uint8_t v) { return v == first; })) return false;
  }
  return true;
}

}  // namespace

std::vector<uint8_t> encode_alpha(PlaneView samples, Size layer, Rect block, const AlphaBelow& below) {
  if (is_constant(samples)) return {samples.row(0)[0]};
  BinaryWriter writer;
  code_block(
      block.size(), AlphaEstimate(layer, block, below), [&](int y) { return samples.row(y); },
      [&](bool bit, uint32_t one) {
        writer.put(bit, one);
        return bit;
      },
      [](int /*y*/, const uint8_t* /*row*/) {});
  std::vector<uint8_t> bytes = std::move(writer).finish();
  bytes.resize(std::max<size_t>(2, bytes.size()));  // a single byte would be a constant
  return bytes;
}

Status decode_alpha(std::span<const uint8_t> bytes, Size layer, Rect block, const AlphaBelow& below,
                    uint8_t* out, size_t stride) {
  if (bytes.empty()) return Error{ErrorCode::kDamaged, "a block of alpha has no bytes"};
  const auto row_of_out = [&](int y) { return out + static_cast<size_t>(y) * stride; };
  if (bytes.size() == 1) {
    for (int y = 0; y < block.height; ++y) std::fill_n(row_of_out(y), block.width, bytes[0]);
    return {};
  }
  BinaryReader reader(bytes);
  code_block(
      block.size(), AlphaEstimate(layer, block, below), [](int /*y*/) { return nullptr; },
      [&](bool /*bit*/, uint32_t one) { return reader.get(one); },
      [&](int y, const uint8_t* row) { std::copy_n(row, block.width, row_of_out(y)); });
  if (reader.left() > 0) return Error{ErrorCode::kDamaged, "a block of alpha has bytes left over"};
  return {};
}

}  // namespace compass
