// Files that arrive in pieces, in any order or by a callback, against the same files decoded whole.
#include "codec/file_reader.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "codec/testing/pictures.h"

namespace compass {
namespace {

using Bytes = std::vector<uint8_t>;

struct NamedFile {
  std::string name;
  Bytes bytes;
};

std::vector<NamedFile> conformance_files() {
  std::vector<NamedFile> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(COMPASS_SOURCE_DIR "/tests/conformance/files")) {
    if (entry.path().extension() != ".cmps") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files.push_back({entry.path().filename(), Bytes(std::istreambuf_iterator<char>(in), {})});
  }
  EXPECT_GE(files.size(), 11U);
  return files;
}

// Collects a picture, and checks that every sample comes once, in whole bands.
class ImageSink : public PixelSink {
 public:
  explicit ImageSink(Size size) : image(size), times_(size.pixels()) {}
  ImageSink(const ImageSink&) = delete;
  ImageSink& operator=(const ImageSink&) = delete;
  ~ImageSink() override = default;

  void set_alpha(PlaneView alpha_view) override {
    EXPECT_EQ(alpha_view.size, image.size());
    alpha = Plane(alpha_view.size);
    for (int y = 0; y < image.height(); ++y) std::copy_n(alpha_view.row(y), image.width(), alpha.row(y));
  }
  void begin_band(int top, int bottom) override {
    EXPECT_EQ(top, bottom_);
    top_ = top;
    bottom_ = bottom;
  }
  void put(int y, int x, int count, const SampleRows& samples) override {
    EXPECT_TRUE(y >= top_ && y < bottom_);
    for (int c = 0; c < 3; ++c) std::copy_n(samples[c], count, image.row(c, y) + x);
    for (int i = x; i < x + count; ++i) ++times_[static_cast<size_t>(y) * image.width() + i];
  }
  bool end_band(int top, int bottom) override {
    EXPECT_EQ(std::pair(top, bottom), std::pair(top_, bottom_));
    return true;
  }

  bool is_whole() const {
    return bottom_ == image.height() && std::ranges::all_of(times_, [](int times) { return times == 1; });
  }

  Image image;
  Plane alpha;

 private:
  int top_ = 0;
  int bottom_ = 0;
  std::vector<int> times_;
};

class Files : public testing::Test {
 protected:
  // In exact arithmetic: elsewhere a part equals the crop of the whole only up to rounding
  // (docs/numerics.md).
  Files()
      : decoder_(tiny_model(), {.threads = 2, .precision = Precision::kExact}),
        other_(tiny_model(), {.threads = 2, .precision = Precision::kExact}) {}

  // What the decoder makes of the whole file.
  Result<DecodedPicture> whole(const Bytes& file, const DecodeSettings& settings) {
    MemorySource source(file);
    return other_.decode(source, settings);
  }

  // Decodes the reader's next layer and compares it with `expected`, to the bit.
  void expect_next(FileReader& reader, const Image& expected, const std::string& what) {
    const auto part = reader.next();
    ASSERT_TRUE(part) << what << ": " << part.error().message;
    ASSERT_TRUE(*part) << what;
    ASSERT_EQ((*part)->size, expected.size()) << what;
    ImageSink sink((*part)->size);
    const auto decoded = reader.next_layer(&sink);
    ASSERT_TRUE(decoded) << what << ": " << decoded.error().message;
    EXPECT_TRUE(sink.is_whole()) << what;
    EXPECT_EQ(largest_difference(sink.image, expected), 0.0) << what;
  }

  FileReader reader(FileReader::Read read = {}) { return FileReader(decoder_.runtime(), std::move(read)); }

  Decoder decoder_;
  Decoder other_;
};

TEST_F(Files, PushedInRandomPiecesAreWhatTheyAreWhole) {
  std::minstd_rand random(7);
  for (const NamedFile& file : conformance_files()) {
    FileReader reader = this->reader();
    size_t pushed = 0;
    for (int layer = 0;; ++layer) {
      const std::string what = file.name + " layer " + std::to_string(layer);
      for (;;) {
        const auto ready = reader.is_ready();
        if (ready && *ready) break;
        if (ready && pushed == file.bytes.size()) break;
        // What is asked for is missing, and is no more than the file has.
        if (!ready) {
          ASSERT_EQ(ready.error().code, ErrorCode::kNeed) << what << ": " << ready.error().message;
        }
        ASSERT_GT(reader.need(), pushed) << what;
        ASSERT_LE(reader.need(), file.bytes.size()) << what;
        const auto none = reader.next_layer(nullptr);
        ASSERT_FALSE(none) << what;
        ASSERT_EQ(none.error().code, ErrorCode::kNeed) << what;
        // Up to what is needed, or less.
        const size_t piece = 1 + random() % (random() % 2 == 0 ? reader.need() - pushed : 20);
        const size_t count = std::min(piece, file.bytes.size() - pushed);
        reader.push(pushed, std::span(file.bytes).subspan(pushed, count));
        pushed += count;
      }
      const auto part = reader.next();
      ASSERT_TRUE(part) << what;
      if (!*part) break;
      EXPECT_EQ((*part)->layer, layer);
      const auto expected = whole(file.bytes, {.layer = layer});
      ASSERT_TRUE(expected) << what;
      expect_next(reader, expected->image, what);
    }
    EXPECT_EQ(pushed, file.bytes.size()) << file.name;
  }
}

TEST_F(Files, AreReadByACallback) {
  for (const NamedFile& file : conformance_files()) {
    uint64_t furthest = 0;
    FileReader reader = this->reader([&](uint64_t offset, std::span<uint8_t> out) -> Result<size_t> {
      const size_t begin = std::min<uint64_t>(offset, file.bytes.size());
      const size_t count = std::min(out.size(), file.bytes.size() - begin);
      std::copy_n(file.bytes.begin() + static_cast<ptrdiff_t>(begin), count, out.begin());
      furthest = std::max<uint64_t>(furthest, begin + count);
      return count;
    });
    const auto header = reader.header();
    ASSERT_TRUE(header) << file.name;
    EXPECT_EQ(furthest, (*header)->bytes) << file.name;
    for (size_t k = 0; k < (*header)->layers.size(); ++k) {
      const auto expected = whole(file.bytes, {.layer = static_cast<int>(k)});
      ASSERT_TRUE(expected);
      expect_next(reader, expected->image, file.name);
      EXPECT_EQ(furthest, (*header)->layers[k].end()) << file.name;  // and not a byte more
    }
    const auto end = reader.next();
    EXPECT_TRUE(end && !*end);
  }
}

// A region of the last layer, whose bytes alone are pushed; lower layers show what covers it.
TEST_F(Files, GiveRegionsOutOfTheRangesThatTheyName) {
  const std::vector<NamedFile> files = conformance_files();
  for (const NamedFile& file : files) {
    const auto header = *parse_header(file.bytes)->header;
    const Size top = header.layers.back().size;
    const Rect region{top.width / 3, top.height / 4, (top.width + 3) / 4, (top.height + 2) / 3};
    if (region.x + region.width > top.width || region.y + region.height > top.height) continue;
    const DecodeSettings settings{.region = region};
    FileReader reader = this->reader();
    reader.push(0, std::span(file.bytes).first(header.bytes));
    reader.select(settings);
    auto ranges = reader.ranges(settings);
    for (int tries = 0; !ranges && tries < 5; ++tries) {  // the indexes first
      ASSERT_EQ(ranges.error().code, ErrorCode::kNeed) << ranges.error().message;
      for (const LayerEntry& layer : header.layers) {
        if (layer.index().end() == reader.need()) {
          reader.push(layer.offset, std::span(file.bytes).subspan(layer.offset, layer.index_bytes));
        }
      }
      ranges = reader.ranges(settings);
    }
    ASSERT_TRUE(ranges) << file.name << ": " << ranges.error().message;
    const auto first = reader.bytes_for(settings);
    ASSERT_TRUE(first);
    EXPECT_EQ(*first, ranges->back().end());
    uint64_t bytes = 0;
    for (auto range = ranges->rbegin(); range != ranges->rend(); ++range) {  // in any order
      reader.push(range->offset, std::span(file.bytes).subspan(range->offset, range->bytes));
      bytes += range->bytes;
    }
    if (file.name == "tiled.cmps") {
      EXPECT_LT(bytes, file.bytes.size() - header.layers.front().begin());
    }
    for (size_t k = 0; k < header.layers.size(); ++k) {
      const std::string what = file.name + " layer " + std::to_string(k);
      const auto part = reader.next();
      ASSERT_TRUE(part && *part) << what;
      const auto expected = whole(file.bytes, {.layer = static_cast<int>(k), .region = (*part)->part});
      ASSERT_TRUE(expected) << what;
      expect_next(reader, expected->image, what);
    }
  }
}

TEST_F(Files, BringEveryLayerToASize) {
  for (const NamedFile& file : conformance_files()) {
    const auto header = *parse_header(file.bytes)->header;
    if (header.layers.back().size.pixels() > 100'000) continue;  // to save time
    for (const Size size : {Size{90, 61}, Size{3, 2}, header.layers.front().size}) {
      FileReader reader = this->reader();
      reader.push(0, file.bytes);
      const DecodeSettings settings{.size = size};
      reader.select(settings);
      const auto first = reader.bytes_for(settings);
      ASSERT_TRUE(first);
      int k = 0;
      for (;; ++k) {
        const auto part = reader.next();
        ASSERT_TRUE(part);
        if (!*part) break;
        // Of a file that ends with this layer.
        const auto prefix = extract_layers(file.bytes, k + 1);
        ASSERT_TRUE(prefix);
        const auto expected = whole(*prefix, {.size = size});
        ASSERT_TRUE(expected);
        expect_next(reader, expected->image, file.name + " layer " + std::to_string(k));
      }
      EXPECT_EQ(*first, header.layers[k - 1].end());
    }
  }
}

// Whatever is lost, the last layer that comes is what the decoder gives.
TEST_F(Files, ThatAreCutOrDamagedGiveWhatTheDecoderGives) {
  std::minstd_rand random(3);
  for (const NamedFile& file : conformance_files()) {
    const auto header = *parse_header(file.bytes)->header;
    for (int round = 0; round < (file.bytes.size() > 20'000 ? 2 : 12); ++round) {
      Bytes bytes = file.bytes;
      if (round % 2 == 0) bytes.resize(header.bytes + random() % (bytes.size() - header.bytes));
      if (bytes.size() > header.bytes && round % 3 != 0) {
        bytes[header.bytes + random() % (bytes.size() - header.bytes)] ^= 1 + random() % 255;
      }
      const auto expected = whole(bytes, {});
      FileReader reader = this->reader();
      reader.push(0, bytes);
      reader.end();
      Image last;
      std::optional<Error> error;
      for (;;) {
        const auto part = reader.next();
        ASSERT_TRUE(part) << part.error().message;
        if (!*part) break;
        ImageSink sink((*part)->size);
        const auto decoded = reader.next_layer(&sink);
        if (!decoded) {
          error = decoded.error();
          ASSERT_EQ(error->code, ErrorCode::kDamaged) << error->message;
          continue;
        }
        last = std::move(sink.image);
      }
      if (!expected) {
        EXPECT_EQ(last.width(), 0) << file.name;
        ASSERT_TRUE(error) << file.name;
        EXPECT_EQ(error->message, expected.error().message);
        continue;
      }
      ASSERT_EQ(last.size(), expected->image.size()) << file.name << " round " << round;
      EXPECT_EQ(largest_difference(last, expected->image), 0.0) << file.name << " round " << round;
    }
  }
}

// Alpha comes with each layer, and its blocks count among what is needed.
TEST_F(Files, WithAlphaGiveItWithEachLayer) {
  const Size size{600, 40};
  Plane alpha(size);
  for (size_t i = 0; i < alpha.samples.size(); ++i) alpha.samples[i] = static_cast<uint8_t>(i * i % 251);
  EncodeSettings settings{.sizes = {{150, 10}, size}};
  settings.alpha = alpha.view();
  Encoder encoder(tiny_model(), {.threads = 1});
  const auto encoded = encoder.encode(test_picture(size), settings);
  ASSERT_TRUE(encoded) << encoded.error().message;
  const Bytes& file = encoded->bytes;
  const auto header = *parse_header(file)->header;
  EXPECT_GT(header.layers[1].alpha.index_bytes, 0U);
  const std::vector<DecodeSettings> wishes{
      {}, {.layer = 0}, {.size = Size{77, 30}}, {.region = Rect{30, 5, 100, 20}}};
  for (size_t i = 0; i < wishes.size(); ++i) {
    const DecodeSettings& wish = wishes[i];
    FileReader reader = this->reader();
    reader.push(0, std::span(file).first(header.bytes));
    reader.select(wish);
    auto ranges = reader.ranges(wish);
    if (!ranges) {
      ASSERT_EQ(ranges.error().code, ErrorCode::kNeed);
      EXPECT_EQ(reader.need(), header.layers[1].alpha_index().end());
      reader.push(header.bytes, std::span(file).first(reader.need()).subspan(header.bytes));
      ranges = reader.ranges(wish);
    }
    ASSERT_TRUE(ranges) << ranges.error().message;
    for (const ByteRange& range : *ranges) {
      reader.push(range.offset, std::span(file).subspan(range.offset, range.bytes));
    }
    Plane last;
    for (;;) {
      const auto part = reader.next();
      ASSERT_TRUE(part);
      if (!*part) break;
      ImageSink sink((*part)->size);
      const auto decoded = reader.next_layer(&sink);
      ASSERT_TRUE(decoded) << decoded.error().message;
      last = std::move(sink.alpha);
    }
    const auto expected = whole(file, wish);
    ASSERT_TRUE(expected);
    EXPECT_EQ(last.size, expected->alpha.size) << i;
    EXPECT_EQ(last.samples, expected->alpha.samples) << i;
  }
  Bytes damaged = file;
  damaged.back() ^= 1;
  FileReader reader = this->reader();
  reader.push(0, damaged);
  EXPECT_TRUE(reader.next_layer(nullptr));
  const auto lost = reader.next_layer(nullptr);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, ErrorCode::kDamaged);
}

// A call that was cancelled, or ran into an exception, can be made again, and so can all.
TEST_F(Files, GoOnAfterACancelledLayer) {
  const NamedFile file = conformance_files().front();
  FileReader reader = this->reader();
  reader.push(0, file.bytes);
  const int layers = static_cast<int>(parse_header(file.bytes)->header->layers.size());
  for (int k = 0; k < layers; ++k) {
    const auto part = reader.next();
    ASSERT_TRUE(part && *part);
    ImageSink sink((*part)->size);
    const auto cancelled = reader.next_layer(&sink, [](double) { return false; });
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
    struct Failed {};
    EXPECT_THROW((void)reader.next_layer(nullptr, [](double) -> bool { throw Failed{}; }), Failed);
    const auto expected = whole(file.bytes, {.layer = k});
    expect_next(reader, expected->image, "layer " + std::to_string(k));
  }
  reader.select({});
  const auto again = reader.next();
  ASSERT_TRUE(again && *again);
  EXPECT_EQ((*again)->layer, 0);
  expect_next(reader, whole(file.bytes, {.layer = 0})->image, "again");
}

// A layer may hold no byte, since streams end where all that follows is zero.
TEST_F(Files, LayersWithoutBytesTakeNone) {
  ContainerContents contents;
  contents.decoder = tiny_model()->decoder_id();
  contents.layers.push_back({.size = {30, 20}, .quality = 500, .stream = {}});
  const auto file = write_container(contents);
  ASSERT_TRUE(file) << file.error().message;
  FileReader reader = this->reader();
  reader.push(0, *file);
  const DecodeSettings settings{.region = Rect{0, 0, 1, 1}};
  reader.select(settings);
  const auto bytes = reader.bytes_for(settings);
  ASSERT_TRUE(bytes) << bytes.error().message;
  EXPECT_EQ(*bytes, file->size());
  EXPECT_TRUE(reader.next_layer(nullptr));
}

TEST(ArrivedBytes, AreWhatWasAddedFirst) {
  std::minstd_rand random(1);
  for (int round = 0; round < 200; ++round) {
    ArrivedBytes bytes;
    std::vector<int> plain(60, -1);
    for (int i = 0; i < 12; ++i) {
      const size_t offset = random() % 50, count = random() % 11;
      Bytes piece(count);
      for (size_t j = 0; j < count; ++j) {
        piece[j] = static_cast<uint8_t>(random());
        if (plain[offset + j] == -1) plain[offset + j] = piece[j];
      }
      bytes.add(offset, piece);
      for (size_t from = 0; from < plain.size(); ++from) {
        size_t end = from;
        while (end < plain.size() && plain[end] != -1) ++end;
        const auto there = bytes.from(from);
        ASSERT_EQ(there.size(), end - from);
        for (size_t j = from; j < end; ++j) ASSERT_EQ(there[j - from], plain[j]);
        ASSERT_TRUE(bytes.has({from, end - from}));
        ASSERT_FALSE(bytes.has({from, end - from + 1}));
      }
    }
  }
}

}  // namespace
}  // namespace compass
