#include "serve/negotiate.h"

#include <gtest/gtest.h>

namespace compass::tools::serve {
namespace {

TEST(Negotiate, BrowsersGetPicturesAndProgramsBytes) {
  // What Chromium sends for <img> and for an address that is typed in; Safari of old; curl and fetch().
  EXPECT_EQ(wanted_format("image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", false),
            ".webp");
  EXPECT_EQ(
      wanted_format("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
                    false),
      ".webp");
  EXPECT_EQ(wanted_format("image/png,image/svg+xml,image/*;q=0.8,video/*;q=0.8,*/*;q=0.5", false), ".jpg");
  EXPECT_EQ(wanted_format("text/html,*/*;q=0.8", false), ".jpg");
  EXPECT_EQ(wanted_format("*/*", false), "");
  EXPECT_EQ(wanted_format("", false), "");
  EXPECT_EQ(wanted_format("image/webp", true), "");
  EXPECT_EQ(wanted_format("image/x-compass,image/webp", false), "");
  EXPECT_EQ(wanted_format("image/x-compass;q=0, image/webp;q=0.5", false), ".webp");
  EXPECT_EQ(wanted_format(",,;;q=,", false), "");
}

TEST(Negotiate, TypesAndFormats) {
  EXPECT_STREQ(type_of_ending(".cmps"), kCmpsType);
  EXPECT_STREQ(type_of_ending(".wasm"), "application/wasm");
  EXPECT_STREQ(type_of_ending(""), "application/octet-stream");
  EXPECT_EQ(ending_of_format("jpeg"), ".jpg");
  EXPECT_EQ(ending_of_format("png"), ".png");
  EXPECT_EQ(ending_of_format("tiff"), "");
}

}  // namespace
}  // namespace compass::tools::serve
