#include "images/wire.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace compass::tools::images {
namespace {

constexpr uint64_t kMaxPixels = 10'000;

std::vector<uint8_t> sent(const std::function<void(PhotoSender&)>& send) {
  std::vector<uint8_t> bytes;
  PhotoSender sender([&](std::span<const uint8_t> more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return true;
  });
  send(sender);
  return bytes;
}

std::optional<Result<Photo>> received(std::span<const uint8_t> bytes) {
  return receive_photo(
      [bytes](std::span<uint8_t> out) mutable {
        const size_t count = std::min(out.size(), bytes.size());
        std::copy_n(bytes.begin(), count, out.begin());
        bytes = bytes.subspan(count);
        return count;
      },
      kMaxPixels);
}

// 3x2 pixels of 1, 2, 3, ... in two messages, with all that a photo can have.
std::vector<uint8_t> whole_photo(int orientation = 1) {
  return sent([&](PhotoSender& sender) {
    sender.header({3, 2}, orientation);
    sender.metadata({MetadataChunk::kExif, {7, 8, 9}});
    sender.metadata({MetadataChunk::kXmp, {}});
    std::vector<uint8_t> rows(18);
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<uint8_t>(i + 1);
    sender.rows(std::span(rows).first(9));
    sender.rows(std::span(rows).subspan(9));
    sender.note("the first");
    sender.note("the second");
    sender.finish();
  });
}

TEST(Wire, PhotosComeBack) {
  const std::optional<Result<Photo>> answer = received(whole_photo());
  ASSERT_TRUE(answer && answer->ok());
  const Photo& photo = **answer;
  EXPECT_EQ(photo.image.size, (Size{3, 2}));
  for (size_t i = 0; i < 18; ++i) EXPECT_EQ(photo.image.samples[i], i + 1);
  EXPECT_EQ(photo.metadata,
            (std::vector<MetadataChunk>{{MetadataChunk::kExif, {7, 8, 9}}, {MetadataChunk::kXmp, {}}}));
  EXPECT_EQ(photo.notes, (std::vector<std::string>{"the first", "the second"}));
}

TEST(Wire, PhotosComeUpright) {
  const std::optional<Result<Photo>> answer = received(whole_photo(6));  // to be turned clockwise
  ASSERT_TRUE(answer && answer->ok());
  EXPECT_EQ((*answer)->image.size, (Size{2, 3}));
  const std::vector<uint8_t> red = {10, 1, 13, 4, 16, 7};
  for (size_t i = 0; i < red.size(); ++i) EXPECT_EQ((*answer)->image.samples[3 * i], red[i]);
}

// Of all kinds, turned and not: sample b of pixel i is 256 * (4 * i + b) + 200, or its high byte.
TEST(Wire, KindsComeBack) {
  for (const int orientation : {1, 6}) {
    for (int byte = 0; byte < 16; ++byte) {
      const PictureKinds kinds{(byte & 1) != 0, (byte & 2) != 0, (byte & 4) != 0, (byte & 8) != 0};
      const int bands = kinds.alpha ? 4 : 3;
      const auto bytes = sent([&](PhotoSender& sender) {
        sender.header({3, 2}, orientation, kinds);
        std::vector<uint8_t> rows;
        for (int i = 0; i < 6; ++i) {
          for (int b = 0; b < bands; ++b) {
            if (kinds.deep) rows.push_back(200);
            rows.push_back(static_cast<uint8_t>(4 * i + b));
          }
        }
        sender.rows(rows);
        sender.finish();
      });
      const std::optional<Result<Photo>> answer = received(bytes);
      ASSERT_TRUE(answer && answer->ok());
      const Photo& photo = **answer;
      EXPECT_EQ(photo.kinds, kinds);
      EXPECT_EQ(photo.size(), orientation == 1 ? (Size{3, 2}) : (Size{2, 3}));
      const std::vector<int> order =
          orientation == 1 ? std::vector{0, 1, 2, 3, 4, 5} : std::vector{3, 0, 4, 1, 5, 2};
      ASSERT_EQ(photo.alpha.samples.size(), kinds.alpha ? 6U : 0U);
      for (int i = 0; i < 6; ++i) {
        for (int b = 0; b < 3; ++b) {
          const int high = 4 * order[i] + b;
          EXPECT_EQ(kinds.deep ? photo.deep.samples[3 * i + b] : photo.image.samples[3 * i + b],
                    kinds.deep ? 256 * high + 200 : high);
        }
        const int high = 4 * order[i] + 3;
        if (kinds.alpha) {
          EXPECT_EQ(photo.alpha.samples[i], kinds.deep ? (256 * high + 200 + 128) / 257 : high);
        }
      }
    }
  }
}

TEST(Wire, ErrorsComeBackAtAnyTime) {
  for (const bool begun : {false, true}) {
    const auto bytes = sent([&](PhotoSender& sender) {
      if (begun) sender.header({3, 2}, 1);
      sender.error({ErrorCode::kBadFile, "why\nit \x1b[31mis so"});
    });
    const std::optional<Result<Photo>> answer = received(bytes);
    ASSERT_TRUE(answer && !answer->ok());
    EXPECT_EQ(answer->error().code, ErrorCode::kBadFile);
    EXPECT_EQ(answer->error().message, "why?it ?[31mis so");
  }
}

TEST(Wire, WhatBreaksOffIsNoAnswer) {
  const std::vector<uint8_t> bytes = whole_photo();
  for (size_t end = 0; end < bytes.size(); ++end) {
    EXPECT_FALSE(received(std::span(bytes).first(end)).has_value()) << end;
  }
}

TEST(Wire, DamageNeverHurts) {
  const std::vector<uint8_t> bytes = whole_photo(8);
  std::mt19937 random(1);
  for (int round = 0; round < 50'000; ++round) {
    std::vector<uint8_t> damaged = bytes;
    for (unsigned changes = 1 + random() % 3; changes > 0; --changes) {
      damaged[random() % damaged.size()] = static_cast<uint8_t>(random());
    }
    const std::optional<Result<Photo>> answer = received(damaged);
    if (!answer || !answer->ok()) continue;
    EXPECT_LE(static_cast<uint64_t>((*answer)->image.size.pixels()), kMaxPixels);
    for (const std::string& note : (*answer)->notes) {
      EXPECT_TRUE(
          std::all_of(note.begin(), note.end(), [](unsigned char c) { return c >= ' ' && c != 127; }));
    }
  }
}

TEST(Wire, LiesAboutLengthsCostNothing) {
  // Four gigabytes announced, and sizes beyond the limit: nothing comes of it, memory least of all.
  for (const char kind : {'M', 'N', 'E', 'R', 'H', '.'}) {
    std::vector<uint8_t> bytes = sent([](PhotoSender& sender) { sender.header({3, 2}, 1); });
    bytes.insert(bytes.end(), {static_cast<uint8_t>(kind), 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5});
    EXPECT_FALSE(received(bytes).has_value()) << kind;
  }
  EXPECT_FALSE(received(sent([](PhotoSender& sender) { sender.header({60000, 60000}, 1); })).has_value());
  EXPECT_FALSE(received(sent([](PhotoSender& sender) { sender.header({-1, 1}, 1); })).has_value());
  EXPECT_FALSE(received(sent([](PhotoSender& sender) { sender.header({0, 5}, 1); })).has_value());
}

TEST(Wire, OrderCounts) {
  const std::vector<uint8_t> row(9);
  const std::vector<std::function<void(PhotoSender&)>> wrong = {
      [&](PhotoSender& s) { s.finish(); },
      [&](PhotoSender& s) {
        s.rows(row), s.header({3, 1}, 1), s.finish();
      },
      [&](PhotoSender& s) {
        s.header({3, 1}, 1), s.finish();
      },
      [&](PhotoSender& s) {
        s.header({3, 1}, 1), s.rows(row), s.rows(row), s.finish();
      },
      [&](PhotoSender& s) {
        s.header({3, 1}, 1), s.header({3, 1}, 1), s.rows(row), s.finish();
      },
      [&](PhotoSender& s) {
        s.header({3, 1}, 1), s.rows(std::span(row).first(8)), s.finish();
      },
      [&](PhotoSender& s) {
        s.header({3, 1}, 1), s.rows(row), s.metadata({1, {1}}), s.finish();
      },
      [&](PhotoSender& s) {
        s.header({3, 1}, 9), s.rows(row), s.finish();
      },
      [&](PhotoSender& s) {
        s.header({3, 1}, 0), s.rows(row), s.finish();
      },
  };
  for (const auto& send : wrong) EXPECT_FALSE(received(sent(send)).has_value());
}

}  // namespace
}  // namespace compass::tools::images
