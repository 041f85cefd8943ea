// Large pictures: tiles do not show, memory stays within what was said it would be.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>
#include <numeric>
#include <optional>
#include <string>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "codec/layer_analysis.h"
#include "codec/layer_synthesis.h"
#include "codec/memory_need.h"
#include "codec/pixel_sink.h"
#include "codec/testing/pictures.h"
#include "core/sanitized.h"

namespace compass {
namespace {

double largest_difference(const Tensor& a, const Tensor& b) {
  EXPECT_EQ(a.size(), b.size());
  double largest = 0.0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, static_cast<double>(std::abs(a.data[i] - b.data[i])));
  }
  return largest;
}

// In f32 up to rounding, in exact arithmetic not at all.
void expect_no_tiles(Precision precision, double latent_limit, double pixel_limit) {
  const auto model = tiny_model();
  ThreadPool pool(2);
  nn::Context context(pool, precision);
  // Different in every region.
  const auto coefficients = [&](Size size) {
    std::vector<int32_t> numbers(model->weights(CodecKind::kBase).filter.directions *
                                 FilterRegions(size).count());
    std::iota(numbers.begin(), numbers.end(), -1);
    return numbers;
  };
  for (const std::vector<Size>& sizes :
       {std::vector<Size>{{97, 61}, {193, 121}}, std::vector<Size>{{1, 130}, {5, 260}},
        std::vector<Size>{{150, 140}, {300, 280}}}) {
    const Image picture = test_picture(sizes[1]);
    const Original original(picture);
    const Rect all = whole(sizes[1]);
    PyramidNetworks networks(model, context);
    TileBuffers buffers;
    LayerAnalysis analysis(networks, buffers);
    LayerSynthesis synthesis(networks, buffers);
    const SpatialLayer base{sizes, 0, 0.5F};
    const SpatialLayer top{sizes, 1, 0.5F};
    // The same latents go to both ways, so that no symbol on the edge of rounding makes a difference.
    const LayerLatents low{.y_hat = analysis.analyse(base, original, nullptr),
                           .coefficients = coefficients(sizes[0])};
    ImageView below = synthesis.reconstruct(base, low, nullptr, whole(sizes[0]));
    PredictionWindow window = synthesis.predict(top, below, all, PredictionWindow::Passed::kKept);
    const LayerLatents high{.y_hat = analysis.analyse(top, original, &window),
                            .coefficients = coefficients(sizes[1])};
    const ImageView expected = synthesis.reconstruct(top, high, &window, all);
    for (const int side : {16, 40, 64}) {
      PyramidNetworks cut(model, context);
      LayerAnalysis cut_analysis(cut, buffers);
      LayerSynthesis cut_synthesis(cut, buffers);
      cut.limit_tiles(side);
      EXPECT_LE(largest_difference(cut_analysis.analyse(base, original, nullptr), low.y_hat), latent_limit);
      const ImageView below_cut = cut_synthesis.reconstruct(base, low, nullptr, whole(sizes[0]));
      EXPECT_LE(largest_difference(below_cut.image, below.image), pixel_limit);
      for (const auto passed : {PredictionWindow::Passed::kMadeAgain, PredictionWindow::Passed::kKept}) {
        PredictionWindow moving = cut_synthesis.predict(top, below, all, passed);
        EXPECT_LE(largest_difference(cut_analysis.analyse(top, original, &moving), high.y_hat), latent_limit);
        const ImageView made = cut_synthesis.reconstruct(top, high, &moving, all);
        EXPECT_LE(largest_difference(made.image, expected.image), pixel_limit)
            << side << " passed " << static_cast<int>(passed);
      }
    }
  }
}

TEST(Tiles, DoNotShow) {
  expect_no_tiles(Precision::kF32, 1e-3, 1e-5);
}

TEST(Tiles, DoNotChangeABitOfExactPixels) {
  expect_no_tiles(Precision::kExact, 0.0, 0.0);
}

// High enough that whole pages of the layer below are discarded on the way.
TEST(Tiles, WhatIsDiscardedIsNotReadAgain) {
  using Passed = PredictionWindow::Passed;
  ThreadPool pool(2);
  nn::Context context(pool);
  PyramidNetworks networks(tiny_model(), context);
  TileBuffers buffers;
  LayerAnalysis analysis(networks, buffers);
  LayerSynthesis synthesis(networks, buffers);
  networks.limit_tiles(256);
  const std::vector<Size> sizes = {{700, 2900}, {800, 3000}};
  const SpatialLayer top{sizes, 1, 0.5F};
  const Image picture = test_picture(sizes[1]);
  const Original original(picture);
  const auto passing = [&](Passed passed, const auto& look) {
    ImageView below{test_picture(sizes[0]), whole(sizes[0])};
    const float first = *below.image.row(0, 0);
    EXPECT_NE(first, 0.0F);
    PredictionWindow window = synthesis.predict(top, below, whole(sizes[1]), passed);
    auto result = look(window);
#if defined(__linux__)
    EXPECT_EQ(*below.image.row(0, 0) != first, passed == Passed::kDiscarded);
#endif
    return result;
  };
  const auto analyse = [&](PredictionWindow& window) { return analysis.analyse(top, original, &window); };
  const Tensor y = passing(Passed::kMadeAgain, analyse);
  EXPECT_EQ(passing(Passed::kDiscarded, analyse).data, y.data);

  const LayerLatents latents{
      .held = whole({y.width, y.height}),
      .y_hat = y,
      .coefficients = std::vector<int32_t>(coefficient_count(networks.filter(1), sizes[1]))};
  const auto reconstruct = [&](PredictionWindow& window) {
    return synthesis.reconstruct(top, latents, &window, whole(sizes[1])).image;
  };
  EXPECT_EQ(
      largest_difference(passing(Passed::kDiscarded, reconstruct), passing(Passed::kMadeAgain, reconstruct)),
      0.0);

  using Next = LayerAnalysis::Next;
  const LayerLatents coded = analysis.quantise(top, y, Next::kCode);
  const LayerLatents kept = analysis.quantise(top, y, Next::kReconstruct);
  EXPECT_EQ(coded.y, kept.y);
  EXPECT_EQ(coded.indexes, kept.indexes);
  EXPECT_EQ(coded.y_hat.size(), 0U);
}

// A tile between others, of the shipped model, whose halo is the largest.
TEST(Tiles, WindowsHaveRoomForAHalo) {
  ThreadPool pool(1);
  const std::vector<Size> sizes{{512, 8192}, {1024, 16384}};
  for (const Precision precision : {Precision::kF32, Precision::kExact}) {
    nn::Context context(pool, precision);
    const PyramidNetworks networks(shipped_model(), context);
    const int side = networks.tile_side(1);
    const Rect needed = prediction_rect(networks, {sizes, 1}, {0, side, 1024, side});
    EXPECT_GT(needed.height, side);
    EXPECT_LE(needed.height, window_rows(networks, 1, sizes[1].height, false)) << static_cast<int>(precision);
  }
}

TEST(Tiles, BytesGiveWhatFloatsGive) {
  const std::vector<Size> sizes = {{31, 20}, {61, 40}};
  Rgb8Image bytes(sizes[1]);
  to_rgb8(test_picture(sizes[1]), bytes.samples);
  Encoder encoder(tiny_model());
  const auto from_bytes = encoder.encode(bytes.view(), {.sizes = sizes});
  const auto from_floats = encoder.encode(from_rgb8(bytes.view()), {.sizes = sizes});
  ASSERT_TRUE(from_bytes);
  EXPECT_EQ(from_bytes->bytes, from_floats->bytes);
  Decoder decoder(tiny_model());
  for (const auto& size :
       {std::optional<Size>{}, std::optional<Size>{{45, 30}}, std::optional<Size>{{99, 70}}}) {
    MemorySource source(from_bytes->bytes);
    MemorySource again(from_bytes->bytes);
    const auto floats = decoder.decode(source, {.size = size});
    const auto as_bytes = decoder.decode(again, {.size = size, .as_bytes = true});
    ASSERT_TRUE(floats && as_bytes);
    EXPECT_EQ(as_bytes->size(), floats->size());
    Rgb8Image expected(floats->size());
    to_rgb8(floats->image, expected.samples);
    EXPECT_EQ(as_bytes->rgb.samples, expected.samples);
  }
}

// Resident memory, and the most there was since forget(), in bytes; 0 where the system does not tell.
double memory(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field)) return std::stod(line.substr(field.size())) * 1024.0;
  }
  return 0.0;
}
bool forget() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5";
  file.close();
  return file.good();
}

// Holds as many bytes as were put, row by row as they come, and nothing else.
class FillingSink : public PixelSink {
 public:
  FillingSink(std::vector<uint8_t>& bytes, int row_bytes) : bytes_(bytes), row_bytes_(row_bytes) {}
  void set_alpha(PlaneView /*alpha*/) override {}
  void begin_band(int top, int bottom) override {
    bytes_.resize(bytes_.size() + static_cast<size_t>(bottom - top) * row_bytes_, 1);
  }
  void put(int /*y*/, int /*x*/, int /*count*/, const SampleRows& /*samples*/) override {}
  bool end_band(int /*top*/, int /*bottom*/) override { return true; }

 private:
  std::vector<uint8_t>& bytes_;
  int row_bytes_;
};

// Larger than a tile on both sides, and small enough to take a second or two.
TEST(Tiles, MemoryStaysWithinTheEstimate) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer takes memory of its own, and keeps what was freed";
  // glibc raises this by itself, and then keeps freed buffers below it: how many depends on how threads take
  // turns.
  mallopt(M_MMAP_THRESHOLD, 256 << 10);
  const Size size{2500, 2200};
  const std::vector<Size> sizes = {{625, 550}, {1250, 1100}, size};
  Rgb8Image picture(size);
  for (int y = 0; y < size.height; ++y) {
    for (int i = 0; i < 3 * size.width; ++i) picture.row(y)[i] = static_cast<uint8_t>(i / 7 * (y / 5 + 3));
  }
  if (!forget() || memory("VmHWM:") == 0.0) GTEST_SKIP() << "this system does not tell a process's memory";
  ThreadPool pool(1);
  nn::Context context(pool);
  PyramidNetworks networks(tiny_model(), context);
  ASSERT_TRUE(networks.make_search());
  constexpr double kBytesPerPixel = 60.0;  // what 100 million pixels in 2 GB and more leave, times three

  std::vector<uint8_t> file;
  for (const int effort : {0, kDefaultEffort}) {
    ASSERT_TRUE(forget());
    const double before = memory("VmRSS:");
    {
      Encoder encoder(tiny_model());
      auto encoded = encoder.encode(picture.view(), {.sizes = sizes, .effort = effort});
      ASSERT_TRUE(encoded) << encoded.error().message;
      file = std::move(encoded->bytes);
    }
    const double used = memory("VmHWM:") - before + static_cast<double>(picture.samples.size());
    const bool search = effort > 0;
    EXPECT_LT(used, encode_bytes(networks, {sizes, 2, true, false, search})) << "effort " << effort;
    EXPECT_LT(used, 100e6 + kBytesPerPixel * static_cast<double>(size.pixels())) << "effort " << effort;
  }

  picture = {};
  const std::vector<Rect> all = {whole(sizes[0]), whole(sizes[1]), whole(sizes[2])};
  struct Request {
    std::optional<Size> to;
    bool bytes;
    int sink_pixel;  // bytes; 0: no sink
  };
  // As it is; to a sink; scaled down, a little and as a strip; predicted at a size a little larger and much
  // larger.
  for (const Request& r : {Request{{}, true, 0},
                           {{}, true, 3},
                           {{}, true, 6},
                           {{{900, 800}}, true, 3},
                           {{{2400, 9}}, true, 0},
                           {{{2501, 2201}}, false, 0},
                           {{{3000, 2640}}, true, 6}}) {
    const std::string what = fmt::format("to {} wide", r.to.value_or(size).width);
    ASSERT_TRUE(forget());
    const double before = memory("VmRSS:");
    {
      MemorySource source(file);
      DecodeSettings settings{.size = r.to, .as_bytes = r.bytes, .sink_pixel_bytes = r.sink_pixel};
      std::vector<uint8_t> kept;
      if (r.sink_pixel > 0) {
        settings.make_sink = [&](const DecodedPicture& /*about*/, Size picture) {
          kept.reserve(static_cast<size_t>(picture.pixels()) * r.sink_pixel);
          return std::make_unique<FillingSink>(kept, picture.width * r.sink_pixel);
        };
      }
      const auto decoded = Decoder(tiny_model()).decode(source, settings);
      ASSERT_TRUE(decoded) << decoded.error().message;
      EXPECT_EQ(decoded->size() == Size(), r.sink_pixel > 0);
      EXPECT_EQ(kept.size(), static_cast<size_t>(r.to.value_or(size).pixels()) * r.sink_pixel);
    }
    const double used = memory("VmHWM:") - before;
    const MemoryQuestion question{
        .sizes = sizes, .top = 2, .bytes = r.bytes, .size = r.to, .sink_pixel = r.sink_pixel};
    EXPECT_LT(used, decode_bytes(networks, question, all)) << what;
    if (!r.to) {
      EXPECT_LT(used, 100e6 + kBytesPerPixel * static_cast<double>(size.pixels()));
    }
  }
}

TEST(Tiles, TheirSideIsRightForTheWidestPictures) {
  for (const int width : {1, 100, 16'777'216, 20'000'000, kMaxSide}) {
    const int latents = (width + 15) / 16;
    const int side = latents_a_side(2048, latents, width);
    EXPECT_GE(side, 1) << width;
    EXPECT_LE(side, width == 1 ? 2048 : 2048 / 16 + 16) << width;
  }
  EXPECT_EQ(latents_a_side(512, 2, 1000), 1);
  EXPECT_EQ(latents_a_side(2048, kMaxSide / 16, kMaxSide), 128);
}

TEST(Tiles, TooMuchMemoryIsRefusedBeforehand) {
  const std::vector<Size> sizes = {{1000, 1000}, {2000, 2000}};
  Rgb8Image picture(sizes[1]);
  std::fill(picture.samples.begin(), picture.samples.end(), uint8_t{128});
  Encoder capped(tiny_model(), {.max_memory = 100'000'000});
  const auto refused = capped.encode(picture.view(), {.sizes = sizes});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kBadFile);
  EXPECT_NE(refused.error().message.find("100 MB"), std::string::npos) << refused.error().message;
  const auto encoded =
      Encoder(tiny_model(), {.max_memory = 2'000'000'000}).encode(picture.view(), {.sizes = sizes});
  ASSERT_TRUE(encoded);
  Decoder decoder(tiny_model(), {.max_memory = 120'000'000});
  MemorySource source(encoded->bytes);
  EXPECT_FALSE(decoder.decode(source, {.as_bytes = true}));
  MemorySource again(encoded->bytes);
  EXPECT_TRUE(decoder.decode(again, {.region = Rect{500, 500, 64, 64}}));
}

}  // namespace
}  // namespace compass
