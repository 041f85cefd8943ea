// Layers added to files, and files encoded to targets.
#include "bitstream/append.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "codec/decoder.h"
#include "codec/quality_search.h"
#include "codec/testing/pictures.h"

namespace compass {
namespace {

using Bytes = std::vector<uint8_t>;

struct Bytes8 {
  explicit Bytes8(Size size) : rgb(size) { to_rgb8(test_picture(size), rgb.samples); }
  Rgb8View view() const { return rgb.view(); }
  Rgb8Image rgb;
};

Image decode(Decoder& decoder, const Bytes& file, const DecodeSettings& settings = {}) {
  MemorySource source(file);
  auto decoded = decoder.decode(source, settings);
  EXPECT_TRUE(decoded) << decoded.error().message;
  return std::move(decoded->image);
}

Bytes must_encode(Encoder& encoder, const Rgb8View& picture, const EncodeSettings& settings) {
  auto encoded = encoder.encode(picture, settings);
  EXPECT_TRUE(encoded) << encoded.error().message;
  return std::move(encoded->bytes);
}

// A file that grows is what encoding all of it at once gives.
TEST(Append, GivesTheFileThatEncodingAllAtOnceGives) {
  const Bytes8 picture({90, 70});
  Encoder encoder(tiny_model(), {.threads = 2});
  const EncodeSettings small{.sizes = {{23, 18}, {45, 35}}, .quality = 30.0, .effort = 1};
  EncodeSettings all = small;
  all.sizes.push_back({90, 70});
  all.layer_qualities = {30.0, 30.0, 80.0};
  const Bytes expected = must_encode(encoder, picture.view(), all);
  const auto first = extract_layers(expected, 2);
  ASSERT_TRUE(first);
  const auto appended = encoder.append(*first, picture.view(), {.quality = 80.0, .effort = 1});
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_EQ(appended->bytes, expected);
  ASSERT_EQ(appended->layers.size(), 3U);
  EXPECT_EQ(appended->layers[2].quality, 80.0);
}

TEST(Append, KeepsEveryByteOfTheFile) {
  Encoder encoder(tiny_model(), {.threads = 1});
  Decoder decoder(tiny_model(), {.threads = 1});
  const Bytes8 small({20, 14}), large({41, 33});
  EncodeSettings settings{.sizes = {{10, 7}, {20, 14}}};
  settings.metadata = {{MetadataChunk::kExif, {1, 2, 3, 4}}, {77, {5}}};
  Bytes file = must_encode(encoder, small.view(), settings);
  const ContainerHeader before = *parse_header(file)->header;
  file.push_back(9);  // what lies behind the layers is not the file's
  const auto appended = encoder.append(file, large.view(), {});
  ASSERT_TRUE(appended) << appended.error().message;
  const Bytes& grown = appended->bytes;
  const ContainerHeader after = *parse_header(grown)->header;
  ASSERT_EQ(after.layers.size(), 3U);
  EXPECT_EQ(after.layers[2].end(), grown.size());
  EXPECT_TRUE(std::equal(file.begin() + before.bytes, file.begin() + before.file_bytes(),
                         grown.begin() + after.bytes));
  EXPECT_EQ(read_metadata(after, std::span(grown).subspan(after.bytes, after.metadata_bytes())).ok(), true);
  file.pop_back();
  EXPECT_EQ(*extract_layers(grown, 2), file);
  for (int k = 0; k < 2; ++k) {
    EXPECT_EQ(largest_difference(decode(decoder, file, {.layer = k}), decode(decoder, grown, {.layer = k})),
              0.0);
  }
  EXPECT_EQ(decode(decoder, grown).size(), (Size{41, 33}));
}

// Up to a tiled layer, with a quality map, of a trellis model; and a layer of the same size.
TEST(Append, TakesWhatEncodingTakes) {
  const auto model = tiny_trellis_model();
  Encoder encoder(model, {.threads = 2});
  Decoder decoder(model, {.threads = 2});
  const Bytes8 small({300, 3}), large({4200, 5});
  Bytes file = must_encode(encoder, small.view(), {.sizes = {{300, 3}}});
  EncodeSettings settings{.quality = 60.0};
  QualityMap map;
  map.offsets.assign(quality_squares({4200, 5}).pixels(), 20);
  settings.quality_maps = {map};
  auto appended = encoder.append(file, large.view(), settings);
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_TRUE(is_tiled(parse_header(appended->bytes)->header->layers[1].size));
  EXPECT_GT(parse_header(appended->bytes)->header->layers[1].map_bytes, 0U);
  EXPECT_EQ(decode(decoder, appended->bytes).size(), (Size{4200, 5}));
  appended = encoder.append(appended->bytes, large.view(), {.quality = 90.0});
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_EQ(decode(decoder, appended->bytes).size(), (Size{4200, 5}));
}

TEST(Append, RefusesWhatDoesNotFit) {
  Encoder encoder(tiny_model(), {.threads = 1});
  const Bytes8 picture({20, 14});
  Bytes file = must_encode(encoder, picture.view(), {.sizes = {{10, 7}, {20, 14}}});
  const auto code = [&](const Bytes& bytes, Size size, const EncodeSettings& settings = {}) {
    const auto appended = encoder.append(bytes, Bytes8(size).view(), settings);
    EXPECT_FALSE(appended);
    return appended ? ErrorCode::kFailure : appended.error().code;
  };
  EXPECT_EQ(code(file, {19, 40}), ErrorCode::kUsage);
  EXPECT_EQ(code(file, {40, 13}), ErrorCode::kUsage);
  EXPECT_EQ(code(file, {40, 28}, {.quality = 101}), ErrorCode::kUsage);
  EXPECT_EQ(code(file, {40, 28}, {.layer_qualities = {1, 2}}), ErrorCode::kUsage);
  EXPECT_EQ(code(file, {40, 28}, {.sizes = {{40, 28}}}), ErrorCode::kUsage);
  EXPECT_EQ(code(file, {40, 28}, {.metadata = {{1, {1}}}}), ErrorCode::kUsage);
  EXPECT_EQ(code({}, {40, 28}), ErrorCode::kDamaged);
  EXPECT_EQ(code(Bytes(100, 7), {40, 28}), ErrorCode::kBadFile);
  EXPECT_EQ(code(Bytes(file.begin(), file.end() - 1), {40, 28}), ErrorCode::kDamaged);
  Bytes damaged = file;
  damaged.back() ^= 1;
  EXPECT_EQ(code(damaged, {40, 28}), ErrorCode::kDamaged);
  const auto other = std::make_unique<Encoder>(tiny_trellis_model(), CodecOptions{.threads = 1});
  const auto refused = other->append(file, Bytes8({40, 28}).view(), {});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kModel);
}

// Alpha below, alpha above, and a picture without any for a file that has it.
TEST(Append, AddsAlpha) {
  const Size size{90, 70};
  const Bytes8 picture(size);
  Plane alpha(size);
  for (size_t i = 0; i < alpha.samples.size(); ++i) alpha.samples[i] = static_cast<uint8_t>(i / 7 % 256);
  Encoder encoder(tiny_model(), {.threads = 2});
  EncodeSettings settings{.sizes = {{23, 18}, {45, 35}, size}, .effort = 0};
  settings.alpha = alpha.view();
  const Bytes expected = must_encode(encoder, picture.view(), settings);
  const auto first = extract_layers(expected, 2);
  ASSERT_TRUE(first);
  EncodeSettings next{.effort = 0};
  next.alpha = alpha.view();
  auto appended = encoder.append(*first, picture.view(), next);
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_EQ(appended->bytes, expected);
  EXPECT_GT(appended->layers[2].alpha_bytes, 100U);
  next.alpha = {};
  appended = encoder.append(*first, picture.view(), next);
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_LT(appended->layers[2].alpha_bytes, 100U);
  Decoder decoder(tiny_model(), {.threads = 1});
  MemorySource source(appended->bytes);
  const auto decoded = decoder.decode(source);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->alpha.samples, Plane(size, 255).samples);
  // Each layer to a target, with alpha coded once for each.
  settings.targets = {{Target::Kind::kBytes, 4e3}, {Target::Kind::kBytes, 9e3}, {Target::Kind::kBytes, 3e4}};
  Encoder shipped(shipped_model(), {.threads = 2});
  const auto targeted = shipped.encode(picture.view(), settings);
  ASSERT_TRUE(targeted) << targeted.error().message;
  EncodeSettings same = settings;
  same.targets.clear();
  for (const EncodedLayer& layer : targeted->layers) same.layer_qualities.push_back(layer.quality);
  EXPECT_EQ(must_encode(shipped, picture.view(), same), targeted->bytes);
}

TEST(Append, KeepsToTheFilesKinds) {
  Encoder encoder(tiny_model(), {.threads = 1});
  const Bytes8 picture({20, 14});
  const Plane alpha({20, 14}, 7);
  EncodeSettings wish{.sizes = {{20, 14}}, .effort = 0};
  const auto code = [&](const Bytes& file, const EncodeSettings& settings) {
    const auto appended = encoder.append(file, picture.view(), settings);
    return appended ? ErrorCode::kFailure : appended.error().code;
  };
  const Bytes plain = must_encode(encoder, picture.view(), wish);
  EncodeSettings next{.effort = 0};
  next.alpha = alpha.view();
  EXPECT_EQ(code(plain, next), ErrorCode::kUsage);
  next.alpha = {};
  next.kinds.own_colours = true;
  EXPECT_EQ(code(plain, next), ErrorCode::kUsage);
  next.kinds = {.grey = true};
  EXPECT_TRUE(encoder.append(plain, picture.view(), next));
  wish.kinds.grey = true;
  const Bytes grey = must_encode(encoder, picture.view(), wish);
  EXPECT_TRUE(encoder.append(grey, picture.view(), next));
  next.kinds = {};
  EXPECT_EQ(code(grey, next), ErrorCode::kUsage);
}

TEST(Append, FullFilesTakeNoMore) {
  Encoder encoder(tiny_model(), {.threads = 1});
  const LayerPayload layer{{1, 1}, 500, {}, {}};
  ContainerContents contents{.decoder = tiny_model()->decoder_id(), .layers = {255, layer}};
  const auto file = write_container(contents);
  ASSERT_TRUE(file);
  const auto refused = append_layer(*file, layer);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kUsage);
}

// Costs that rise as sizes do, with noise, steps and all.
TEST(QualitySearch, FindsTheBestSetting) {
  std::minstd_rand random(5);
  size_t most = 0, all = 0;
  constexpr int kRounds = 500;
  for (int round = 0; round < kRounds; ++round) {
    const double rise = 0.5 + random() % 40 / 10.0;
    const double bend = random() % 100 / 100.0;
    const auto cost = [&](int setting) {
      const double t = setting / 1000.0;
      return std::floor(1000.0 * std::exp(rise * (t + bend * t * t)));
    };
    const double limit = cost(static_cast<int>(random() % 1001)) * (0.9 + random() % 200 / 1000.0);
    QualitySearch search(limit, 0.985, static_cast<int>(random() % 1001), 1000);
    size_t tries = 0;
    while (const auto setting = search.next()) {
      ASSERT_LT(++tries, 25U);
      search.tell(*setting, cost(*setting));
    }
    most = std::max(most, tries);
    all += tries;
    const auto best = search.best();
    if (cost(0) > limit) {
      EXPECT_FALSE(best);
      continue;
    }
    ASSERT_TRUE(best);
    EXPECT_LE(cost(*best), limit);
    // Near enough, or there is nothing better.
    if (cost(*best) < 0.985 * limit) {
      EXPECT_TRUE(*best == 1000 || cost(*best + 1) > limit) << *best;
    }
  }
  EXPECT_LE(all, 5U * kRounds);
}

// Errors of small pictures, which go up and down by more than targets allow.
TEST(QualitySearch, LooksBesideWhereCostsFall) {
  std::minstd_rand random(6);
  constexpr int kRounds = 300;
  constexpr double kShare = 0.9886;  // 0.05 dB
  int met = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::vector<double> costs(1001);
    for (size_t i = 0; i < costs.size(); ++i) {
      costs[i] = std::exp(2.0 * static_cast<double>(i) / 1000.0) * (0.98 + random() % 400 / 10000.0);
    }
    const double limit = costs[100 + random() % 800];
    QualitySearch search(limit, kShare, 500, 1000);
    size_t tries = 0;
    while (const auto setting = search.next()) {
      ASSERT_LT(++tries, 40U);
      search.tell(*setting, costs[*setting]);
    }
    ASSERT_TRUE(search.best());
    EXPECT_LE(costs[*search.best()], limit);
    met += costs[*search.best()] >= kShare * limit ? 1 : 0;
  }
  EXPECT_GE(met, kRounds * 90 / 100);  // 282; without looking beside, 262
}

class Targets : public testing::Test {
 protected:
  Targets() : encoder_(shipped_model(), {.threads = 2}), picture_({192, 128}) {}

  Encoder encoder_;
  Bytes8 picture_;
  std::vector<Size> sizes_{{48, 32}, {96, 64}, {192, 128}};
};

TEST_F(Targets, OneQualityForAllLayersMeetsASize) {
  const EncodeSettings ends{.sizes = sizes_, .effort = 0};
  EncodeSettings settings = ends;
  settings.quality = 20.0;
  const double low = static_cast<double>(must_encode(encoder_, picture_.view(), settings).size());
  settings.quality = 90.0;
  const double high = static_cast<double>(must_encode(encoder_, picture_.view(), settings).size());
  ASSERT_LT(low, high);
  const double target = std::floor(std::sqrt(low * high));
  settings = ends;
  settings.targets = {{Target::Kind::kBytes, target}};
  double last = 0.0;
  settings.progress = [&](double done) {
    EXPECT_GE(done, last);
    EXPECT_LE(done, 1.0);
    last = done;
    return true;
  };
  const auto encoded = encoder_.encode(picture_.view(), settings);
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_EQ(last, 1.0);
  EXPECT_LE(encoded->bytes.size(), target);
  EXPECT_GE(encoded->bytes.size(), 0.98 * target);
  // It is what its quality gives, for all layers.
  settings = ends;
  settings.quality = encoded->layers[0].quality;
  EXPECT_EQ(must_encode(encoder_, picture_.view(), settings), encoded->bytes);
}

TEST_F(Targets, EachLayerMeetsItsOwn) {
  EncodeSettings settings{.sizes = sizes_, .effort = 0};
  const auto usual = encoder_.encode(picture_.view(), settings);
  ASSERT_TRUE(usual);
  for (size_t k = 0; k < sizes_.size(); ++k) {
    const double bytes =
        extract_layers(usual->bytes, static_cast<int>(k) + 1)->size() * (k == 1 ? 0.97 : 1.12);
    const bool bpp = k == 1;
    settings.targets.push_back({bpp ? Target::Kind::kBitsPerPixel : Target::Kind::kBytes,
                                bpp ? bytes * 8.0 / sizes_[k].pixels() : bytes});
  }
  const auto encoded = encoder_.encode(picture_.view(), settings);
  ASSERT_TRUE(encoded) << encoded.error().message;
  EncodeSettings same{.sizes = sizes_, .effort = 0};
  for (size_t k = 0; k < sizes_.size(); ++k) {
    const auto size = static_cast<double>(parse_header(encoded->bytes)->header->layers[k].end());
    const double target =
        settings.targets[k].value * (k == 1 ? static_cast<double>(sizes_[k].pixels()) / 8.0 : 1.0);
    EXPECT_LE(size, target) << k;
    // A layer of few bytes has no quality for each of them, and the header may be some bytes shorter.
    EXPECT_GE(size, 0.98 * target - 8.0) << k;
    same.layer_qualities.push_back(encoded->layers[k].quality);
  }
  EXPECT_EQ(must_encode(encoder_, picture_.view(), same), encoded->bytes);
}

TEST_F(Targets, MeetAPsnr) {
  EncodeSettings settings{.sizes = sizes_, .effort = 0};
  settings.measure = true;
  const auto usual = encoder_.encode(picture_.view(), settings);
  ASSERT_TRUE(usual);
  settings.measure = false;
  settings.quality = 0.0;
  settings.targets = {{Target::Kind::kPsnr, usual->layers[2].psnr}};
  const auto encoded = encoder_.encode(picture_.view(), settings);
  ASSERT_TRUE(encoded) << encoded.error().message;
  EXPECT_GE(encoded->layers[2].psnr, usual->layers[2].psnr);
  EXPECT_LE(encoded->layers[2].psnr, usual->layers[2].psnr + 0.05);
  const auto appended = encoder_.append(*extract_layers(usual->bytes, 2), picture_.view(), [&] {
    EncodeSettings one;
    one.effort = 0;
    one.targets = settings.targets;
    return one;
  }());
  ASSERT_TRUE(appended) << appended.error().message;
  EXPECT_GE(appended->layers[2].psnr, usual->layers[2].psnr);
  EXPECT_LE(appended->layers[2].psnr, usual->layers[2].psnr + 0.05);
}

TEST_F(Targets, ThatMakeNoSenseAreRefused) {
  const auto code = [&](std::vector<Target> targets) {
    EncodeSettings settings{.sizes = sizes_, .effort = 0};
    settings.targets = std::move(targets);
    const auto encoded = encoder_.encode(picture_.view(), settings);
    EXPECT_FALSE(encoded);
    return encoded ? ErrorCode::kFailure : encoded.error().code;
  };
  using Kind = Target::Kind;
  EXPECT_EQ(code({{Kind::kBytes, 10.0}}), ErrorCode::kUsage);  // less than any quality takes
  EXPECT_EQ(code({{Kind::kPsnr, 90.0}}), ErrorCode::kUsage);   // more than any gives
  EXPECT_EQ(code({{Kind::kBytes, 0.0}}), ErrorCode::kUsage);
  EXPECT_EQ(code({{Kind::kBytes, std::nan("")}}), ErrorCode::kUsage);
  EXPECT_EQ(code({{Kind::kBytes, 1e9}, {Kind::kBytes, 1e9}}), ErrorCode::kUsage);
  // More than the best quality takes is no mistake.
  EncodeSettings settings{.sizes = sizes_, .effort = 0};
  settings.targets = {{Kind::kBytes, 1e9}};
  const auto encoded = encoder_.encode(picture_.view(), settings);
  ASSERT_TRUE(encoded);
  EXPECT_EQ(encoded->layers[0].quality, 100.0);
}

TEST(Cancel, EndsEncodingAndLeavesTheEncoderAsItWas) {
  Encoder encoder(tiny_model(), {.threads = 2});
  const Bytes8 picture({90, 70});
  EncodeSettings settings{.sizes = {{45, 35}, {90, 70}}, .effort = 2};
  const Bytes expected = must_encode(encoder, picture.view(), settings);
  int calls = 0;
  settings.progress = [&](double) { return ++calls > 0; };
  EXPECT_EQ(must_encode(encoder, picture.view(), settings), expected);
  const int all = calls;
  ASSERT_GT(all, 6);
  for (int last = 1; last <= all; ++last) {
    calls = 0;
    settings.progress = [&](double done) {
      EXPECT_LE(done, 1.0);
      return ++calls < last;
    };
    const auto cancelled = encoder.encode(picture.view(), settings);
    ASSERT_FALSE(cancelled);
    EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
    EXPECT_EQ(calls, last);
  }
  settings.progress = {};
  EXPECT_EQ(must_encode(encoder, picture.view(), settings), expected);
}

TEST(Cancel, EndsDecoding) {
  Encoder encoder(tiny_model(), {.threads = 1});
  Decoder decoder(tiny_model(), {.threads = 1});
  const Bytes file = must_encode(encoder, Bytes8({40, 30}).view(), {.sizes = {{20, 15}, {40, 30}}});
  MemorySource source(file);
  double done = 0.0;
  const auto cancelled = decoder.decode(source, {.progress = [&](double part) {
                                          done = part;
                                          return false;
                                        }});
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, ErrorCode::kCancelled);
  EXPECT_EQ(done, 0.2);
  EXPECT_EQ(decode(decoder, file).size(), (Size{40, 30}));
}

// Codecs that share threads give what they give with threads of their own.
TEST(SharedThreads, ChangeNothing) {
  const auto pool = std::make_shared<ThreadPool>(3);
  const Bytes8 picture({90, 70});
  const EncodeSettings settings{.sizes = {{45, 35}, {90, 70}}, .effort = 1};
  Encoder own(tiny_model(), {.threads = 1});
  const Bytes expected = must_encode(own, picture.view(), settings);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      Encoder encoder(tiny_model(), {.pool = pool});
      Decoder decoder(tiny_model(), {.pool = pool});
      for (int round = 0; round < 3; ++round) {
        const Bytes file = must_encode(encoder, picture.view(), settings);
        EXPECT_EQ(file, expected);
        EXPECT_EQ(decode(decoder, file).size(), (Size{90, 70}));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace compass
