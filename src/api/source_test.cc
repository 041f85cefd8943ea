// Decoding from a source that is read as bytes are needed: a file, or a pipe.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "api/testing/api.h"

namespace {

using Bytes = std::vector<uint8_t>;

// A file of which nothing is given out twice.
struct Pipe {
  Bytes file;
  uint64_t at = 0;
  bool went_back = false;
  bool broken = false;

  static int64_t read(void* user, uint64_t offset, uint8_t* data, size_t size) {
    Pipe& self = *static_cast<Pipe*>(user);
    if (self.broken && offset > 0) return -1;
    self.went_back = self.went_back || offset < self.at;
    const uint64_t begin = std::min<uint64_t>(offset, self.file.size());
    const size_t count = std::min<uint64_t>(size, self.file.size() - begin);
    std::memcpy(data, self.file.data() + begin, count);
    self.at = offset + count;
    return static_cast<int64_t>(count);
  }
};

class SourceApi : public Api {
 protected:
  compass_status decode(Pipe& pipe, compass_picture* picture) {
    compass_source source;
    compass_source_init(&source);
    source.read = Pipe::read;
    source.user = &pipe;
    return compass_decode_source(decoder_, &source, &settings_, picture, &error_);
  }
  void SetUp() override {
    Api::SetUp();
    compass_decode_settings_init(&settings_);
  }
  std::string damage() const {
    std::string all;
    size_t i = 0;
    for (; const char* line = compass_decoder_damage(decoder_, i); ++i)
      all += (i == 0 ? "" : "; ") + std::string(line);
    return all;
  }
  compass_decode_settings settings_;
};

TEST_F(SourceApi, GivesTheSameAndReadsNoMore) {
  Pipe pipe{encoded(41, 27)};
  compass_info info;
  ASSERT_EQ(compass_read_info(pipe.file.data(), pipe.file.size(), &info, &error_), COMPASS_OK);
  for (int k = 0; k < 3; ++k) {
    settings_.layer = k;
    pipe.at = 0;
    compass_picture picture;
    ASSERT_EQ(decode(pipe, &picture), COMPASS_OK) << error_.message;
    const Bytes rgb(picture.rgb, picture.rgb + size_t{3} * picture.width * picture.height);
    EXPECT_EQ(rgb, decoded(pipe.file, k));
    EXPECT_EQ(pipe.at, info.layers[k].end);
    EXPECT_FALSE(pipe.went_back);
    compass_picture_free(&picture);
  }
  EXPECT_EQ(damage(), "");
}

// A size beyond the largest layer, and between two: 8 bits and 16 agree with each other.
TEST_F(SourceApi, GivesAnySize) {
  Pipe pipe{encoded(41, 27)};
  for (const compass_size size : {compass_size{90, 61}, compass_size{30, 9}, compass_size{1, 1}}) {
    settings_.size = size;
    compass_picture bytes, deep;
    settings_.bits = 8;
    ASSERT_EQ(decode(pipe, &bytes), COMPASS_OK) << error_.message;
    settings_.bits = 16;
    ASSERT_EQ(decode(pipe, &deep), COMPASS_OK) << error_.message;
    ASSERT_TRUE(bytes.width == size.width && bytes.height == size.height);
    ASSERT_TRUE(deep.width == size.width && deep.height == size.height);
    for (int i = 0; i < 3 * size.width * size.height; ++i) {
      ASSERT_LE(std::abs(deep.rgb16[i] - 257 * bytes.rgb[i]), 129);
    }
    compass_picture_free(&bytes);
    compass_picture_free(&deep);
  }
}

TEST_F(SourceApi, SaysWhatIsLostLineByLine) {
  Pipe pipe{encoded(41, 27)};
  pipe.file.pop_back();
  compass_picture picture;
  ASSERT_EQ(decode(pipe, &picture), COMPASS_DAMAGED);
  EXPECT_EQ(picture.layer, 1);
  EXPECT_EQ(damage(), error_.message);
  EXPECT_NE(damage(), "");
  compass_picture_free(&picture);
  // The next call forgets it, and so does one that fails.
  EXPECT_EQ(compass_decode(decoder_, pipe.file.data(), 3, nullptr, &picture, &error_), COMPASS_BAD_FILE);
  EXPECT_EQ(damage(), "");
  EXPECT_EQ(picture.rgb, nullptr);
  settings_.strict = 1;
  EXPECT_EQ(decode(pipe, &picture), COMPASS_DAMAGED);
  EXPECT_EQ(picture.width, 0);
  EXPECT_EQ(compass_decoder_damage(nullptr, 0), nullptr);
}

TEST_F(SourceApi, ReportsWhatCannotBeRead) {
  Pipe pipe{encoded(41, 27)};
  pipe.broken = true;
  compass_picture picture;
  EXPECT_EQ(decode(pipe, &picture), COMPASS_IO);
  EXPECT_EQ(picture.rgb, nullptr);
  compass_source source;
  compass_source_init(&source);
  EXPECT_EQ(compass_decode_source(decoder_, &source, nullptr, &picture, &error_), COMPASS_USAGE);
  source.read = Pipe::read;
  source.struct_size = 0;
  EXPECT_EQ(compass_decode_source(decoder_, &source, nullptr, &picture, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_decode_source(decoder_, nullptr, nullptr, &picture, &error_), COMPASS_USAGE);
  compass_source_init(&source);
  EXPECT_EQ(compass_decode_source(nullptr, &source, nullptr, &picture, &error_), COMPASS_USAGE);
  EXPECT_EQ(compass_decode_source(decoder_, &source, nullptr, nullptr, &error_), COMPASS_USAGE);
}

TEST_F(SourceApi, TheHeaderListsTheMetadata) {
  const Bytes rgb = pixels(9, 9);
  const uint8_t some[] = {1, 2, 3, 4, 5};
  const compass_metadata chunks[] = {{COMPASS_XMP, some, 3}, {4711, some, 5}};
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  settings.metadata = chunks;
  settings.metadata_count = 2;
  compass_bytes file;
  ASSERT_EQ(compass_encode(encoder_, rgb.data(), 9, 9, 27, &settings, &file, &error_), COMPASS_OK);
  compass_info info;
  ASSERT_EQ(compass_read_info(file.data, file.size, &info, &error_), COMPASS_OK);
  ASSERT_EQ(info.metadata_count, 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(info.metadata[i].type, chunks[i].type);
    EXPECT_EQ(info.metadata[i].size, chunks[i].size);
  }
  EXPECT_EQ(info.header_bytes + 8, info.layers[0].offset);
  compass_bytes_free(&file);
}

}  // namespace
