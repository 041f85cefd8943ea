#include "codec/transparent_fill.h"

#include <algorithm>
#include <vector>

#include "codec/image_view.h"
#include "codec/seen_picture.h"

namespace compass {

bool is_opaque(PlaneView alpha) {
  if (alpha.empty()) return true;
  for (int y = 0; y < alpha.size.height; ++y) {
    const uint8_t* const row = alpha.row(y);
    if (std::any_of(row, row + alpha.size.width, [](uint8_t v) { return v != 255; })) return false;
  }
  return true;
}
namespace {

// One of the pictures that are each half as large as the one before: means of the colours that are seen.
struct Level {
  Size size;
  std::vector<float> rgb;      // 3 a pixel
  std::vector<uint8_t> known;  // 0 where nothing is seen

  explicit Level(Size s) : size(s), rgb(static_cast<size_t>(s.pixels()) * 3), known(s.pixels()) {}
  size_t at(int x, int y) const { return static_cast<size_t>(y) * size.width + x; }
};

Size halved(Size size) {
  return {(size.width + 1) / 2, (size.height + 1) / 2};
}

// The level below one of size `from`, whose pixels `known(x, y)` and `sample(x, y, c)` say.
template <typename Known, typename Sample>
Level shrink(Size from, const Known& known, const Sample& sample, ThreadPool& pool) {
  Level level(halved(from));
  for_rows(pool, level.size.height, [&](int y) {
    for (int x = 0; x < level.size.width; ++x) {
      float sum[3] = {};
      int count = 0;
      for (int v = 2 * y; v < std::min(2 * y + 2, from.height); ++v) {
        for (int u = 2 * x; u < std::min(2 * x + 2, from.width); ++u) {
          if (!known(u, v)) continue;
          ++count;
          for (int c = 0; c < 3; ++c) sum[c] += sample(u, v, c);
        }
      }
      level.known[level.at(x, y)] = count > 0 ? 1 : 0;
      for (int c = 0; c < 3; ++c) {
        level.rgb[3 * level.at(x, y) + c] = count > 0 ? sum[c] / static_cast<float>(count) : 0.0F;
      }
    }
  });
  return level;
}

// What the level below has at pixel (x, y), blended between its pixels' centres.
std::array<float, 3> blended(const Level& below, int x, int y) {
  const auto side = [](int at, int end) {
    return std::clamp((at & 1) != 0 ? at / 2 + 1 : at / 2 - 1, 0, end - 1);
  };
  const size_t near = below.at(x / 2, y / 2), across = below.at(side(x, below.size.width), y / 2);
  const size_t down = below.at(x / 2, side(y, below.size.height));
  const size_t far = below.at(side(x, below.size.width), side(y, below.size.height));
  std::array<float, 3> colour;
  for (int c = 0; c < 3; ++c) {
    const auto of = [&](size_t at) { return below.rgb[3 * at + c]; };
    colour[c] = (9.0F * of(near) + 3.0F * of(across) + 3.0F * of(down) + of(far)) / 16.0F;
  }
  return colour;
}

// Calls put(x, y, colour) for every pixel that is not seen. `sample(x, y, c)` is a sample of the picture.
template <typename Sample, typename Put>
void fill(PlaneView alpha, const Sample& sample, const Put& put, ThreadPool& pool) {
  std::vector<Level> levels;
  levels.push_back(shrink(
      alpha.size, [&](int x, int y) { return alpha.row(y)[x] > 0; }, sample, pool));
  while (levels.back().size.pixels() > 1) {
    const Level& last = levels.back();
    Level next = shrink(
        last.size, [&](int x, int y) { return last.known[last.at(x, y)] != 0; },
        [&](int x, int y, int c) { return last.rgb[3 * last.at(x, y) + c]; }, pool);
    levels.push_back(std::move(next));
  }
  for (size_t i = levels.size() - 1; i-- > 0;) {
    Level& level = levels[i];
    for_rows(pool, level.size.height, [&](int y) {
      for (int x = 0; x < level.size.width; ++x) {
        if (level.known[level.at(x, y)] != 0) continue;
        const auto colour = blended(levels[i + 1], x, y);
        std::copy(colour.begin(), colour.end(),
                  level.rgb.begin() + static_cast<ptrdiff_t>(3 * level.at(x, y)));
      }
    });
    levels.pop_back();
  }
  for_rows(pool, alpha.size.height, [&](int y) {
    const uint8_t* const seen = alpha.row(y);
    for (int x = 0; x < alpha.size.width; ++x) {
      if (seen[x] == 0) put(x, y, blended(levels.front(), x, y));
    }
  });
}

template <typename Sample>
RgbImage<Sample> filled_rgb(const RgbView<Sample>& picture, PlaneView alpha, ThreadPool& pool) {
  RgbImage<Sample> out(picture.size);
  for (int y = 0; y < picture.size.height; ++y) {
    std::copy_n(picture.row(y), static_cast<size_t>(picture.size.width) * 3, out.row(y));
  }
  const auto& samples = samples_of_bytes();
  constexpr bool kBytes = sizeof(Sample) == 1;
  const auto sample = [&](int x, int y, int c) {
    const Sample v = picture.row(y)[3 * x + c];
    if constexpr (kBytes) {
      return samples[v];
    } else {
      return sample_of_deep(v);
    }
  };
  const auto put = [&](int x, int y, const std::array<float, 3>& colour) {
    for (int c = 0; c < 3; ++c) {
      out.row(y)[3 * x + c] =
          static_cast<Sample>(kBytes ? byte_of_sample(colour[c]) : deep_of_sample(colour[c]));
    }
  };
  fill(alpha, sample, put, pool);
  return out;
}

}  // namespace

Rgb8Image filled(const Rgb8View& picture, PlaneView alpha, ThreadPool& pool) {
  return filled_rgb(picture, alpha, pool);
}

Rgb16Image filled(const Rgb16View& picture, PlaneView alpha, ThreadPool& pool) {
  return filled_rgb(picture, alpha, pool);
}

Image filled(const Image& picture, PlaneView alpha, ThreadPool& pool) {
  Image out = picture;
  fill(
      alpha, [&](int x, int y, int c) { return picture.row(c, y)[x]; },
      [&](int x, int y, const std::array<float, 3>& colour) {
        for (int c = 0; c < 3; ++c) out.row(c, y)[x] = colour[c];
      },
      pool);
  return out;
}

}  // namespace compass
