// A file that arrives in random pieces, in any order, cut or not, against the same bytes decoded whole: the
// last layer that the reader gives is what the decoder makes, and what it says that it needs is enough.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>
#include <span>
#include <vector>

#include "cmps_mutator.h"
#include "codec/decoder.h"
#include "codec/file_reader.h"

namespace {

struct Picture : PixelSink {
  explicit Picture(Size size) : image(size) {}
  void set_alpha(PlaneView view) override {
    require(view.size == image.size());
    for (int y = 0; y < view.size.height; ++y) {
      alpha.insert(alpha.end(), view.row(y), view.row(y) + view.size.width);
    }
  }
  void begin_band(int top, int bottom) override { require(top == rows && bottom > top); }
  void put(int y, int x, int count, const SampleRows& samples) override {
    for (int c = 0; c < 3; ++c) std::copy_n(samples[c], count, image.row(c, y) + x);
  }
  bool end_band(int /*top*/, int bottom) override {
    rows = bottom;
    return true;
  }
  Image image;
  std::vector<uint8_t> alpha;
  int rows = 0;
};

// Bit by bit: a network can make NaNs of a hostile file.
bool same(const Image& a, const Image& b) {
  if (a.size() != b.size()) return false;
  for (int c = 0; c < 3; ++c) {
    if (std::memcmp(a.plane(c).data(), b.plane(c).data(), a.plane(c).size_bytes()) != 0) return false;
  }
  return true;
}

// Pushes what is missing, or a piece of anything that it may have, until the next layer is ready.
void feed(FileReader& reader, std::span<const uint8_t> file, std::minstd_rand& random, bool& ended) {
  for (int round = 0; !ended; ++round) {
    const auto ready = reader.is_ready();
    if (ready ? *ready || !*reader.next() : ready.error().code != ErrorCode::kNeed) return;
    require(reader.need() > 0);
    if (random() % 4 == 0 && !file.empty()) {
      const size_t offset = random() % file.size();
      reader.push(offset, file.subspan(offset, 1 + random() % (file.size() - offset)));
    }
    if (round < 4) continue;
    // All of what is needed; if the file has no more, its end.
    reader.push(0, file.first(std::min<uint64_t>(file.size(), reader.need())));
    if (reader.need() > file.size()) {
      reader.push(0, file);
      reader.end();
      ended = true;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> file(data, size);
  if (!small_enough(file)) return 0;
  // Exact: in f32 a region that is cut for a layer that turns out damaged differs by rounding.
  const CodecOptions options{.threads = 1, .precision = Precision::kExact, .max_pixels = kMaxPixels};
  static Decoder decoder(model(), options);
  static Decoder other(model(), options);
  const uint32_t choice = checksum(file);
  std::minstd_rand random(choice + 1);
  DecodeSettings settings;
  const int x = static_cast<int>(choice >> 8 & 15), y = static_cast<int>(choice >> 12 & 15);
  const int width = 1 + static_cast<int>(choice >> 16 & 31), height = 1 + static_cast<int>(choice >> 21 & 31);
  if (choice % 4 == 1) settings.layer = static_cast<int>(choice >> 26) % 4;
  if (choice % 4 == 2) settings.region = Rect{x, y, width, height};

  MemorySource source(file);
  const auto expected = other.decode(source, settings);
  FileReader reader(decoder.runtime());
  reader.select(settings);
  std::optional<Picture> last;
  std::optional<Error> error;
  for (bool ended = false;;) {
    feed(reader, file, random, ended);
    const auto next = reader.next();
    if (!next) {
      error = next.error();
      break;
    }
    if (!*next) break;
    Picture picture((*next)->size);
    const auto decoded = reader.next_layer(&picture);
    if (!decoded) {
      error = decoded.error();
      require(error->code == ErrorCode::kDamaged);
      continue;
    }
    require(picture.rows == picture.image.height());
    last = std::move(picture);
  }
  require(expected.ok() == last.has_value());
  if (!expected.ok()) {
    require(error.has_value() && error->code == expected.error().code);
    return 0;
  }
  require(same(last->image, expected->image));
  require(std::ranges::equal(last->alpha, expected->alpha.samples));
  return 0;
}
