// Binary PPM: headers as others write them, and what is no such file.
#include "image/ppm.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace compass {
namespace {

std::vector<uint8_t> bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

TEST(Ppm, ReadsWhatFollowsItsHeader) {
  for (const Size size : {Size{1, 1}, Size{7, 3}, Size{1, 9}}) {
    std::vector<uint8_t> file = bytes_of(ppm_header(size));
    const size_t header = file.size();
    for (int64_t i = 0; i < size.pixels() * 3; ++i) file.push_back(static_cast<uint8_t>(37 * i));
    const auto view = parse_ppm(file);
    ASSERT_TRUE(view) << view.error().message;
    EXPECT_EQ(view->size, size);
    EXPECT_EQ(view->stride, 3 * static_cast<size_t>(size.width));
    EXPECT_EQ(view->data, file.data() + header);
  }
}

TEST(Ppm, HeadersMayHaveComments) {
  const std::vector<uint8_t> file = bytes_of("P6 # by hand\n2#w\n 1\n# #\r\n255\nabcdef");
  const auto view = parse_ppm(file);
  ASSERT_TRUE(view) << view.error().message;
  EXPECT_EQ(view->size, (Size{2, 1}));
  EXPECT_EQ(view->row(0)[0], 'a');
  EXPECT_EQ(view->row(0)[5], 'f');
}

TEST(Ppm, RefusesWhatIsNone) {
  for (const char* text :
       {"", "P", "P6", "P5\n1 1\n255\na", "P6\n2 2\n255\nabc", "P6\n0 2\n255\n", "P6\n2 0\n255\n",
        "P6\n1 1\n65535\nabcdef", "P6\n1 1\n254\nabc", "P6\n1", "P6\n1 1\n255", "P6\n1 1\n255\nab",
        "P6\n-1 1\n255\nabc", "P6\n999999999999 1\n255\n", "P6\n999999999 999999999\n255\nabc",
        "P6 # 1 1 255 abc"}) {
    const auto view = parse_ppm(bytes_of(text));
    ASSERT_FALSE(view) << text;
    EXPECT_EQ(view.error().code, ErrorCode::kBadFile) << text;
  }
}

}  // namespace
}  // namespace compass
