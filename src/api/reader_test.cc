// Reading while bytes arrive, through the C interface.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <clocale>
#include <cmath>
#include <cstring>
#include <map>
#include <memory>

#include "api/testing/api.h"
#include "core/freed.h"

namespace {

using Bytes = std::vector<uint8_t>;

using ReaderPtr = std::unique_ptr<compass_reader, compass::Freed<compass_reader_free>>;

compass_layer new_layer() {
  compass_layer layer;
  compass_layer_init(&layer);
  return layer;
}

compass_output new_output(compass_format format = COMPASS_RGB) {
  compass_output output;
  compass_output_init(&output);
  output.format = format;
  return output;
}

class ReaderApi : public Api {
 protected:
  ReaderPtr reader(const compass_source* source = nullptr) {
    compass_reader* made = nullptr;
    EXPECT_EQ(compass_reader_create(decoder_, source, &made, &error_), COMPASS_OK) << error_.message;
    return ReaderPtr(made);
  }
  ReaderPtr reader_of(const Bytes& file) {
    ReaderPtr made = reader();
    EXPECT_EQ(compass_reader_push(made.get(), file.data(), file.size(), &error_), COMPASS_OK);
    return made;
  }
};

TEST_F(ReaderApi, GivesEachLayerOnceItsBytesAreThere) {
  const Bytes file = encoded(41, 27);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data(), file.size(), &info, &error_), COMPASS_OK);
  const ReaderPtr reader = this->reader();
  compass_layer layer = new_layer();
  compass_info early;
  ASSERT_EQ(compass_reader_info(reader.get(), &early, &error_), COMPASS_NEED);
  EXPECT_EQ(early.need, compass_reader_need(reader.get()));
  EXPECT_EQ(compass_reader_next(reader.get(), &layer, &error_), COMPASS_NEED);
  uint64_t bytes = 0;
  EXPECT_EQ(compass_reader_bytes_for(reader.get(), nullptr, &bytes, &error_), COMPASS_NEED);

  size_t pushed = 0;
  for (int k = 0; k < 3; ++k) {
    compass_status status = COMPASS_OK;
    Bytes rgb;
    compass_output output = new_output();
    for (;;) {
      status = compass_reader_next(reader.get(), &layer, &error_);
      if (status == COMPASS_OK) {
        EXPECT_EQ(layer.decoded, 0);
        EXPECT_EQ(layer.is_last, k == 2);
        rgb.assign(size_t{3} * layer.width * layer.height, 0);
        output.pixels = rgb.data();
        output.size = rgb.size();
        const int ready = compass_reader_ready(reader.get());
        status = compass_reader_next_layer(reader.get(), &output, &layer, &error_);
        EXPECT_EQ(ready, status == COMPASS_NEED ? -1 : k);
      }
      if (status != COMPASS_NEED) break;
      const uint64_t need = compass_reader_need(reader.get());
      ASSERT_GT(need, pushed);
      ASSERT_LE(need, info.layers[k].end);
      // All but one byte of what is needed is not enough.
      const size_t count = need - pushed > 1 ? need - pushed - 1 : 1;
      ASSERT_EQ(compass_reader_push(reader.get(), file.data() + pushed, count, &error_), COMPASS_OK);
      pushed += count;
    }
    ASSERT_EQ(status, COMPASS_OK) << error_.message;
    EXPECT_EQ(pushed, info.layers[k].end);
    EXPECT_EQ(layer.layer, k);
    EXPECT_EQ(layer.decoded, 1);
    EXPECT_EQ(layer.width, info.layers[k].width);
    EXPECT_EQ(rgb, decoded(file, k));
    ASSERT_EQ(compass_reader_info(reader.get(), &early, &error_), COMPASS_OK);
    EXPECT_EQ(std::memcmp(&early, &info, sizeof info), 0);
  }
  EXPECT_EQ(compass_reader_next(reader.get(), &layer, &error_), COMPASS_END);
  EXPECT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_END);
  EXPECT_EQ(compass_reader_ready(reader.get()), -1);
}

// A sample of each pixel by each format, from what the plain picture has.
TEST_F(ReaderApi, WritesEveryFormatWithStridesOrInBands) {
  const Bytes file = encoded(41, 27);
  for (const compass_format format :
       {COMPASS_RGB, COMPASS_RGBA, COMPASS_BGRA, COMPASS_RGB16, COMPASS_RGBA16, COMPASS_PLANAR_FLOAT}) {
    for (const bool bands : {false, true}) {
      const ReaderPtr reader = reader_of(file);
      for (int k = 0; k < 3; ++k) {
        compass_layer layer = new_layer();
        ASSERT_EQ(compass_reader_next(reader.get(), &layer, &error_), COMPASS_OK);
        const Bytes expected = decoded(file, k);
        const size_t pixel = format == COMPASS_RGB      ? 3
                             : format == COMPASS_RGB16  ? 6
                             : format == COMPASS_RGBA16 ? 8
                                                        : 4;
        const size_t gap = bands ? 0 : 8;
        const size_t stride = pixel * layer.width + gap;
        const size_t plane_stride = stride * layer.height + (bands ? 0 : 16);
        const size_t planes = format == COMPASS_PLANAR_FLOAT ? 3 : 1;
        Bytes memory(plane_stride * planes, 0xA5);
        struct Target {
          Bytes* memory;
          size_t stride, plane_stride, planes;
          int rows;
        } target{&memory, stride, plane_stride, planes, 0};
        compass_output output = new_output(format);
        if (bands) {
          output.rows = [](void* user, int y, int count, const void* pixels, size_t stride,
                           size_t plane_stride) {
            auto& t = *static_cast<Target*>(user);
            EXPECT_EQ(y, t.rows);
            EXPECT_EQ(stride, t.stride);
            t.rows += count;
            for (size_t c = 0; c < t.planes; ++c) {
              std::memcpy(t.memory->data() + c * t.plane_stride + y * stride,
                          static_cast<const uint8_t*>(pixels) + c * plane_stride, count * stride);
            }
            return 0;
          };
          output.rows_user = &target;
        } else {
          output.pixels = memory.data();
          output.stride = stride;
          output.plane_stride = format == COMPASS_PLANAR_FLOAT ? plane_stride : 0;
          output.size = (planes - 1) * plane_stride + (layer.height - 1) * stride + pixel * layer.width;
        }
        ASSERT_EQ(compass_reader_next_layer(reader.get(), &output, &layer, &error_), COMPASS_OK)
            << error_.message;
        if (bands) {
          EXPECT_EQ(target.rows, layer.height);
        }
        for (int y = 0; y < layer.height; ++y) {
          for (int x = 0; x < layer.width; ++x) {
            const uint8_t* const want = expected.data() + 3 * (static_cast<size_t>(y) * layer.width + x);
            const uint8_t* const have = memory.data() + y * stride + pixel * x;
            if (format == COMPASS_PLANAR_FLOAT) {
              for (size_t c = 0; c < 3; ++c) {
                float sample = NAN;
                std::memcpy(&sample, have + c * plane_stride, sizeof sample);
                ASSERT_EQ(std::floor(std::clamp(sample, 0.0F, 1.0F) * 255.0F + 0.5F), want[c]);
              }
              continue;
            }
            if (format == COMPASS_RGB16 || format == COMPASS_RGBA16) {
              for (size_t c = 0; c < 3; ++c) {
                uint16_t sample = 0;
                std::memcpy(&sample, have + 2 * c, sizeof sample);
                ASSERT_NEAR(sample / 257.0, want[c], 0.51);
              }
              continue;
            }
            const Bytes as = format == COMPASS_BGRA ? Bytes{want[2], want[1], want[0], 255}
                                                    : Bytes{want[0], want[1], want[2], 255};
            ASSERT_TRUE(std::equal(have, have + pixel, as.begin()));
          }
          for (size_t i = 0; i < gap && y + 1 < layer.height; ++i) {  // what is not ours stays as it was
            ASSERT_EQ(memory[y * stride + pixel * layer.width + i], 0xA5);
          }
        }
      }
    }
  }
}

TEST_F(ReaderApi, PutsAlphaBesideTheColours) {
  const Bytes rgb(size_t{3} * 20 * 15, 120);
  Bytes alpha(20 * 15);
  for (size_t i = 0; i < alpha.size(); ++i) alpha[i] = static_cast<uint8_t>(i);
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  settings.alpha = alpha.data();
  settings.alpha_stride = 20;
  compass_bytes file;
  ASSERT_EQ(compass_encode(encoder_, rgb.data(), 20, 15, 60, &settings, &file, &error_), COMPASS_OK);
  const ReaderPtr reader = reader_of(Bytes(file.data, file.data + file.size));
  compass_bytes_free(&file);
  compass_layer layer = new_layer();
  for (int k = 0; k < 2; ++k) {
    ASSERT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_OK);
    EXPECT_EQ(layer.kinds, COMPASS_ALPHA);
  }
  Bytes bgra(size_t{4} * 20 * 15);
  compass_output output = new_output(COMPASS_BGRA);
  output.pixels = bgra.data();
  output.size = bgra.size();
  ASSERT_EQ(compass_reader_next_layer(reader.get(), &output, &layer, &error_), COMPASS_OK) << error_.message;
  for (size_t i = 0; i < alpha.size(); ++i) EXPECT_EQ(bgra[4 * i + 3], alpha[i]);
  std::vector<uint16_t> deep(size_t{4} * 20 * 15);
  output = new_output(COMPASS_RGBA16);
  output.pixels = deep.data();
  output.size = 2 * deep.size();
  ASSERT_EQ(compass_reader_select(reader.get(), nullptr, &error_), COMPASS_OK);
  for (int k = 0; k < 3; ++k) {
    ASSERT_EQ(compass_reader_next_layer(reader.get(), k == 2 ? &output : nullptr, &layer, &error_),
              COMPASS_OK);
  }
  for (size_t i = 0; i < alpha.size(); ++i) EXPECT_EQ(deep[4 * i + 3], alpha[i] * 257);
}

// Grey pictures, of 8 and 16 bits, as compass_decode gives them.
TEST_F(ReaderApi, LevelsTheColoursOfGreyPictures) {
  const std::vector<uint16_t> rgb(size_t{3} * 20 * 15, 40000);
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  settings.kinds = COMPASS_GREY;
  compass_bytes file;
  ASSERT_EQ(compass_encode16(encoder_, rgb.data(), 20, 15, 120, &settings, &file, &error_), COMPASS_OK);
  for (const int bits : {8, 16}) {
    compass_decode_settings wish;
    compass_decode_settings_init(&wish);
    wish.bits = bits;
    compass_picture picture;
    ASSERT_EQ(compass_decode(decoder_, file.data, file.size, &wish, &picture, &error_), COMPASS_OK);
    const ReaderPtr reader = reader_of(Bytes(file.data, file.data + file.size));
    compass_layer layer = new_layer();
    for (int k = 0; k < 2; ++k) {
      ASSERT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_OK);
    }
    Bytes pixels(rgb.size() * bits / 8);
    compass_output output = new_output(bits == 8 ? COMPASS_RGB : COMPASS_RGB16);
    output.pixels = pixels.data();
    output.size = pixels.size();
    ASSERT_EQ(compass_reader_next_layer(reader.get(), &output, &layer, &error_), COMPASS_OK);
    EXPECT_EQ(layer.kinds, COMPASS_GREY | COMPASS_DEEP);
    const void* const expected = bits == 8 ? static_cast<const void*>(picture.rgb) : picture.rgb16;
    EXPECT_EQ(std::memcmp(pixels.data(), expected, pixels.size()), 0);
    compass_picture_free(&picture);
  }
  compass_bytes part, grown;
  ASSERT_EQ(compass_extract(file.data, file.size, 2, &part, &error_), COMPASS_OK);
  settings.kinds = 0;
  const auto append = [&] {
    return compass_append16(encoder_, part.data, part.size, rgb.data(), 20, 15, 120, &settings, &grown,
                            &error_);
  };
  EXPECT_EQ(append(), COMPASS_USAGE);
  settings.kinds = COMPASS_GREY;
  ASSERT_EQ(append(), COMPASS_OK) << error_.message;
  EXPECT_EQ(Bytes(grown.data, grown.data + grown.size), Bytes(file.data, file.data + file.size));
  compass_bytes_free(&grown);
  compass_bytes_free(&part);
  compass_bytes_free(&file);
}

TEST_F(ReaderApi, RefusesOutputsThatCannotHoldThePicture) {
  const Bytes file = encoded(16, 12);
  const ReaderPtr reader = reader_of(file);
  compass_layer layer = new_layer();
  ASSERT_EQ(compass_reader_next(reader.get(), &layer, &error_), COMPASS_OK);
  alignas(float) uint8_t memory[4096];
  const auto attempt = [&](auto change) {
    compass_output output = new_output();
    output.pixels = memory;
    output.size = sizeof memory;
    change(output);
    return compass_reader_next_layer(reader.get(), &output, nullptr, &error_);
  };
  const auto row = static_cast<size_t>(3 * layer.width);
  EXPECT_EQ(attempt([&](compass_output& o) { o.size = row * layer.height - 1; }), COMPASS_USAGE);
  EXPECT_EQ(attempt([&](compass_output& o) { o.stride = row - 1; }), COMPASS_USAGE);
  EXPECT_EQ(attempt([&](compass_output& o) { o.stride = SIZE_MAX / 2; }), COMPASS_USAGE);
  EXPECT_EQ(attempt([&](compass_output& o) { o.pixels = nullptr; }), COMPASS_USAGE);
  EXPECT_EQ(attempt([&](compass_output& o) { o.struct_size = 0; }), COMPASS_USAGE);
  EXPECT_EQ(attempt([&](compass_output& o) { o.format = static_cast<compass_format>(6); }), COMPASS_USAGE);
  EXPECT_EQ(attempt([&](compass_output& o) {
              o.format = COMPASS_PLANAR_FLOAT;
              o.pixels = memory + 1;
              o.size = 4000;
            }),
            COMPASS_USAGE);
  EXPECT_EQ(attempt([&](compass_output& o) {
              o.format = COMPASS_PLANAR_FLOAT;
              o.plane_stride = 4;
            }),
            COMPASS_USAGE);
  EXPECT_EQ(attempt([&](compass_output& o) { o.size = row * layer.height; }), COMPASS_OK) << error_.message;
}

// Two sources of one file: a callback that reads anywhere, and pushes of the ranges that were asked for.
TEST_F(ReaderApi, ReadsARegionFromASource) {
  const Bytes file = encoded(64, 48);
  struct Remote {
    const Bytes* file;
    uint64_t furthest = 0;
    bool broken = false;
  } remote{&file};
  compass_source source;
  compass_source_init(&source);
  source.user = &remote;
  compass_reader* none = nullptr;
  EXPECT_EQ(compass_reader_create(decoder_, &source, &none, &error_), COMPASS_USAGE);
  source.read = [](void* user, uint64_t offset, uint8_t* data, size_t size) -> int64_t {
    auto& r = *static_cast<Remote*>(user);
    if (r.broken) return -1;
    const size_t begin = std::min<uint64_t>(offset, r.file->size());
    const size_t count = std::min(size, r.file->size() - begin);
    std::memcpy(data, r.file->data() + begin, count);
    r.furthest = std::max<uint64_t>(r.furthest, begin + count);
    return static_cast<int64_t>(count);
  };
  const ReaderPtr reader = this->reader(&source);
  EXPECT_EQ(compass_reader_push(reader.get(), file.data(), 1, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_end(reader.get(), &error_), COMPASS_USAGE);
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  settings.layer = 1;
  settings.region_x = 5;
  settings.region_y = 2;
  settings.region_width = 9;
  settings.region_height = 11;
  uint64_t first = 0;
  ASSERT_EQ(compass_reader_bytes_for(reader.get(), &settings, &first, &error_), COMPASS_OK) << error_.message;
  compass_range ranges[2];
  size_t count = 0;
  ASSERT_EQ(compass_reader_ranges(reader.get(), &settings, ranges, 2, &count, &error_), COMPASS_OK);
  ASSERT_EQ(count, 1U);
  EXPECT_EQ(ranges[0].offset + ranges[0].size, first);
  ASSERT_EQ(compass_reader_ranges(reader.get(), &settings, nullptr, 0, &count, &error_), COMPASS_OK);
  EXPECT_EQ(count, 1U);

  ASSERT_EQ(compass_reader_select(reader.get(), &settings, &error_), COMPASS_OK);
  compass_layer layer = new_layer();
  ASSERT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_OK);  // passed over
  EXPECT_EQ(layer.layer, 0);
  Bytes rgb(size_t{3} * 9 * 11);
  compass_output output = new_output();
  output.pixels = rgb.data();
  output.size = rgb.size();
  remote.broken = true;
  EXPECT_EQ(compass_reader_next_layer(reader.get(), &output, &layer, &error_), COMPASS_IO);
  remote.broken = false;
  ASSERT_EQ(compass_reader_next_layer(reader.get(), &output, &layer, &error_), COMPASS_OK) << error_.message;
  EXPECT_EQ(layer.x, 5);
  EXPECT_EQ(layer.width, 9);
  EXPECT_EQ(layer.is_last, 1);
  EXPECT_EQ(remote.furthest, first);
  compass_picture picture;
  ASSERT_EQ(compass_decode(decoder_, file.data(), file.size(), &settings, &picture, &error_), COMPASS_OK);
  EXPECT_EQ(Bytes(picture.rgb, picture.rgb + rgb.size()), rgb);
  compass_picture_free(&picture);
  settings.region_x = 40;
  EXPECT_EQ(compass_reader_select(reader.get(), &settings, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_next(reader.get(), &layer, &error_), COMPASS_USAGE);
  ASSERT_EQ(compass_reader_select(reader.get(), nullptr, &error_), COMPASS_OK);
  EXPECT_EQ(compass_reader_next(reader.get(), &layer, &error_), COMPASS_OK);
}

TEST_F(ReaderApi, SaysWhatIsLostOnceTheEndIsSaid) {
  const Bytes file = encoded(41, 27);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data(), file.size(), &info, &error_), COMPASS_OK);
  const ReaderPtr reader = this->reader();
  ASSERT_EQ(compass_reader_push(reader.get(), file.data(), info.layers[1].end + 3, &error_), COMPASS_OK);
  compass_layer layer = new_layer();
  for (int k = 0; k < 2; ++k) {
    ASSERT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_OK);
  }
  EXPECT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_NEED);
  EXPECT_EQ(compass_reader_need(reader.get()), info.layers[2].end);
  ASSERT_EQ(compass_reader_end(reader.get(), &error_), COMPASS_OK);
  EXPECT_EQ(compass_reader_push(reader.get(), file.data(), 1, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_DAMAGED);
  EXPECT_EQ(layer.decoded, 0);
  EXPECT_NE(std::string(error_.message).find("layer 2"), std::string::npos) << error_.message;
  EXPECT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_END);

  const ReaderPtr empty = this->reader();
  ASSERT_EQ(compass_reader_end(empty.get(), &error_), COMPASS_OK);
  EXPECT_EQ(compass_reader_next(empty.get(), &layer, &error_), COMPASS_BAD_FILE);
  EXPECT_EQ(compass_reader_ready(empty.get()), 0);
  const ReaderPtr zeros = reader_of(Bytes(100, 0));
  EXPECT_EQ(compass_reader_next(zeros.get(), &layer, &error_), COMPASS_BAD_FILE);
}

TEST_F(ReaderApi, HasTheMetadata) {
  const Bytes rgb = pixels(9, 9);
  const uint8_t exif[] = {1, 2, 3};
  const compass_metadata chunk{COMPASS_EXIF, exif, sizeof exif};
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  settings.metadata = &chunk;
  settings.metadata_count = 1;
  compass_bytes file;
  ASSERT_EQ(compass_encode(encoder_, rgb.data(), 9, 9, 27, &settings, &file, &error_), COMPASS_OK);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data, file.size, &info, &error_), COMPASS_OK);
  const ReaderPtr reader = this->reader();
  compass_bytes found;
  ASSERT_EQ(compass_reader_push(reader.get(), file.data, info.layers[0].offset - 1, &error_), COMPASS_OK);
  EXPECT_EQ(compass_reader_metadata(reader.get(), COMPASS_EXIF, &found, &error_), COMPASS_NEED);
  EXPECT_EQ(compass_reader_need(reader.get()), info.layers[0].offset);
  ASSERT_EQ(compass_reader_push(reader.get(), file.data + info.layers[0].offset - 1, 1, &error_), COMPASS_OK);
  ASSERT_EQ(compass_reader_metadata(reader.get(), COMPASS_EXIF, &found, &error_), COMPASS_OK);
  EXPECT_EQ(Bytes(found.data, found.data + found.size), Bytes(exif, exif + 3));
  compass_bytes_free(&found);
  ASSERT_EQ(compass_reader_metadata(reader.get(), COMPASS_XMP, &found, &error_), COMPASS_OK);
  EXPECT_EQ(found.size, 0U);
  compass_bytes_free(&found);
  compass_bytes_free(&file);
}

// A reader keeps what it runs on; several on one decoder do not disturb each other.
TEST_F(ReaderApi, SharesItsDecoder) {
  const Bytes one = encoded(41, 27), two = encoded(20, 33);
  const Bytes top_of_two = decoded(two, 2);
  const ReaderPtr first = reader_of(one), second = reader_of(two);
  compass_decoder_free(decoder_);
  decoder_ = nullptr;
  compass_layer layer = new_layer();
  for (int k = 0; k < 3; ++k) {
    ASSERT_EQ(compass_reader_next_layer(first.get(), nullptr, &layer, &error_), COMPASS_OK);
    Bytes rgb(top_of_two.size());
    compass_output output = new_output();
    output.pixels = rgb.data();
    output.size = rgb.size();
    ASSERT_EQ(compass_reader_next_layer(second.get(), &output, &layer, &error_), COMPASS_OK)
        << error_.message;
    if (k == 2) {
      EXPECT_EQ(rgb, top_of_two);
    }
  }
}

TEST_F(ReaderApi, IsCancelledByItsCallbacks) {
  const Bytes file = encoded(41, 27);
  const ReaderPtr reader = reader_of(file);
  compass_decode_settings settings;
  compass_decode_settings_init(&settings);
  int patience = 0;
  settings.progress_user = &patience;
  settings.progress = [](void* user, double done) {
    EXPECT_TRUE(done > 0.0 && done <= 1.0);
    return --*static_cast<int*>(user) < 0 ? 1 : 0;
  };
  ASSERT_EQ(compass_reader_select(reader.get(), &settings, &error_), COMPASS_OK);
  compass_layer layer = new_layer();
  EXPECT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_CANCELLED);
  patience = 1000;
  ASSERT_EQ(compass_reader_next_layer(reader.get(), nullptr, &layer, &error_), COMPASS_OK);
  compass_output output = new_output();
  Bytes seen;
  output.rows = [](void*, int, int, const void*, size_t, size_t) { return 1; };
  EXPECT_EQ(compass_reader_next_layer(reader.get(), &output, &layer, &error_), COMPASS_CANCELLED);
  output.rows_user = &seen;
  output.rows = [](void* user, int, int count, const void* pixels, size_t stride, size_t) {
    const auto* bytes = static_cast<const uint8_t*>(pixels);
    auto& all = *static_cast<Bytes*>(user);
    all.insert(all.end(), bytes, bytes + count * stride);
    return 0;
  };
  ASSERT_EQ(compass_reader_next_layer(reader.get(), &output, &layer, &error_), COMPASS_OK) << error_.message;
  EXPECT_EQ(layer.layer, 1);
  EXPECT_EQ(seen, decoded(file, 1));
}

TEST_F(ReaderApi, RefusesNull) {
  const ReaderPtr reader = this->reader();
  compass_reader* made = nullptr;
  compass_layer layer = new_layer();
  compass_info info;
  compass_bytes bytes;
  uint64_t number = 0;
  size_t count = 0;
  EXPECT_EQ(compass_reader_create(nullptr, nullptr, &made, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_create(decoder_, nullptr, nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_push(nullptr, nullptr, 0, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_push(reader.get(), nullptr, 1, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_push(reader.get(), nullptr, 0, &error_), COMPASS_OK);
  EXPECT_EQ(compass_reader_push_at(reader.get(), UINT64_MAX, info.decoder_id, 8, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_end(nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_need(nullptr), 0U);
  EXPECT_EQ(compass_reader_info(nullptr, &info, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_info(reader.get(), nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_metadata(nullptr, 1, &bytes, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_metadata(reader.get(), 1, nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_bytes_for(nullptr, nullptr, &number, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_bytes_for(reader.get(), nullptr, nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_ranges(nullptr, nullptr, nullptr, 0, &count, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_ranges(reader.get(), nullptr, nullptr, 1, &count, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_ranges(reader.get(), nullptr, nullptr, 0, nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_select(nullptr, nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_next(nullptr, &layer, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_next(reader.get(), nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_next_layer(nullptr, nullptr, nullptr, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_reader_ready(nullptr), -1);
  compass_reader_free(nullptr);
  compass_output_init(nullptr);
  compass_layer_init(nullptr);
  compass_source_init(nullptr);
}

TEST_F(ReaderApi, LibraryIsOfTheHeadersVersion) {
  EXPECT_EQ(std::to_string(COMPASS_VERSION_MAJOR) + "." + std::to_string(COMPASS_VERSION_MINOR) + "." +
                std::to_string(COMPASS_VERSION_PATCH),
            compass_version());
  EXPECT_EQ(compass_version_number(), COMPASS_VERSION_NUMBER);
}

TEST_F(ReaderApi, ExtractsAndAppends) {
  const Bytes file = encoded(40, 28);
  compass_bytes part, grown;
  ASSERT_EQ(compass_extract(file.data(), file.size(), 2, &part, &error_), COMPASS_OK);
  compass_info info;
  ASSERT_EQ(compass_read_info(part.data, part.size, &info, &error_), COMPASS_OK);
  EXPECT_EQ(info.layer_count, 2);
  EXPECT_EQ(decoded(Bytes(part.data, part.data + part.size), 1), decoded(file, 1));
  const Bytes rgb = pixels(40, 28);
  const auto append = [&](compass_encoder* encoder, const uint8_t* data, int width, int height) {
    return compass_append(encoder, data, part.size, rgb.data(), width, height, 120, nullptr, &grown, &error_);
  };
  ASSERT_EQ(append(encoder_, part.data, 40, 28), COMPASS_OK) << error_.message;
  EXPECT_EQ(Bytes(grown.data, grown.data + grown.size), file);
  compass_bytes_free(&grown);
  EXPECT_EQ(append(encoder_, part.data, 19, 14), COMPASS_USAGE);
  EXPECT_EQ(grown.data, nullptr);
  EXPECT_EQ(append(encoder_, nullptr, 40, 28), COMPASS_USAGE);
  EXPECT_EQ(append(nullptr, part.data, 40, 28), COMPASS_USAGE);
  compass_bytes_free(&part);
  for (const int layers : {0, 4}) {
    EXPECT_EQ(compass_extract(file.data(), file.size(), layers, &part, &error_), COMPASS_USAGE);
    EXPECT_EQ(part.data, nullptr);
  }
  EXPECT_EQ(compass_extract(file.data(), file.size() - 1, 3, &part, &error_), COMPASS_DAMAGED);
  EXPECT_EQ(compass_extract(nullptr, 0, 1, &part, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_extract(file.data(), file.size(), 1, nullptr, &error_), COMPASS_USAGE);
}

TEST_F(ReaderApi, EncodesToTargets) {
  const Bytes rgb = pixels(64, 48);
  compass_model* model = nullptr;
  compass_encoder* encoder = nullptr;
  ASSERT_EQ(compass_model_load(COMPASS_SOURCE_DIR "/models/lite.safetensors", &model, &error_), COMPASS_OK);
  ASSERT_EQ(compass_encoder_create(model, nullptr, &encoder, &error_), COMPASS_OK);
  compass_model_free(model);
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  settings.effort = 0;
  compass_bytes file;
  const auto encode = [&] {
    return compass_encode(encoder, rgb.data(), 64, 48, 192, &settings, &file, &error_);
  };
  ASSERT_EQ(encode(), COMPASS_OK);
  compass_target target{COMPASS_TARGET_BYTES, static_cast<double>(file.size) * 1.1};
  compass_bytes_free(&file);
  settings.targets = &target;
  EXPECT_EQ(encode(), COMPASS_USAGE);  // of which there are none
  settings.target_count = 1;
  ASSERT_EQ(encode(), COMPASS_OK) << error_.message;
  EXPECT_LE(static_cast<double>(file.size), target.value);
  EXPECT_GE(static_cast<double>(file.size), 0.98 * target.value);
  compass_bytes_free(&file);
  target.kind = static_cast<compass_target_kind>(9);
  EXPECT_EQ(encode(), COMPASS_USAGE);
  target = {COMPASS_TARGET_PSNR, 200.0};
  EXPECT_EQ(encode(), COMPASS_USAGE);
  compass_encoder_free(encoder);
}

// What encoding and decoding leave behind in the program: nothing.
TEST_F(ReaderApi, LeavesTheProgramsStateAlone) {
  // The OpenMP runtime, which oneDNN brings; not all builds have it.
  const auto set_threads = reinterpret_cast<void (*)(int)>(dlsym(RTLD_DEFAULT, "omp_set_num_threads"));
  const auto max_threads = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_max_threads"));
  if (set_threads != nullptr) set_threads(3);
  const char* const named = std::setlocale(LC_ALL, "C.UTF-8");
  const std::string locale = std::setlocale(LC_ALL, nullptr);
  compass_threads* threads = nullptr;
  EXPECT_EQ(compass_threads_create(-1, &threads, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_threads_create(COMPASS_MAX_THREADS + 1, &threads, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_threads_create(2, nullptr, &error_), COMPASS_USAGE);
  ASSERT_EQ(compass_threads_create(2, &threads, &error_), COMPASS_OK);
  compass_options options;
  compass_options_init(&options);
  options.shared_threads = threads;
  compass_decoder* decoder = nullptr;
  ASSERT_EQ(compass_decoder_create(model_, &options, &decoder, &error_), COMPASS_OK);
  compass_threads_free(threads);
  const Bytes file = encoded(41, 27);
  const Bytes alone = decoded(file, 2);
  std::swap(decoder, decoder_);
  EXPECT_EQ(decoded(file, 2), alone);
  compass_decoder_free(decoder);
  if (max_threads != nullptr) {
    EXPECT_EQ(max_threads(), 3);
  }
  EXPECT_EQ(std::setlocale(LC_ALL, nullptr), locale);
  EXPECT_NE(named, nullptr);
}

}  // namespace
