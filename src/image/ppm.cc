#include "image/ppm.h"

#include <optional>

namespace compass {
namespace {

bool is_space(uint8_t c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// The next number of the header, behind white space and comments, which go from # to the end of a line; at
// most nine digits. Takes what it reads off `rest`.
std::optional<int64_t> take_number(std::span<const uint8_t>& rest) {
  bool comment = false;
  while (!rest.empty() && (comment || rest[0] == '#' || is_space(rest[0]))) {
    comment = rest[0] == '#' || (comment && rest[0] != '\n');
    rest = rest.subspan(1);
  }
  int64_t number = 0;
  int digits = 0;
  for (; !rest.empty() && rest[0] >= '0' && rest[0] <= '9' && digits < 9; ++digits, rest = rest.subspan(1)) {
    number = number * 10 + (rest[0] - '0');
  }
  if (digits == 0) return std::nullopt;
  return number;
}

}  // namespace

std::string ppm_header(Size size) {
  return "P6\n" + std::to_string(size.width) + " " + std::to_string(size.height) + "\n255\n";
}

Result<Rgb8View> parse_ppm(std::span<const uint8_t> file) {
  const auto bad = [](const std::string& what) {
    return Error{ErrorCode::kBadFile, "not an 8-bit binary PPM (P6): " + what};
  };
  if (file.size() < 2 || file[0] != 'P' || file[1] != '6') return bad("no P6 at its start");
  std::span<const uint8_t> rest = file.subspan(2);
  const std::optional<int64_t> width = take_number(rest), height = take_number(rest),
                               most = take_number(rest);
  if (!width || !height || !most) return bad("its header is cut short");
  if (*width < 1 || *height < 1 || *width > kMaxSide || *height > kMaxSide) return bad("its size");
  if (*most != 255) return bad("samples of other than 8 bits");
  const uint64_t samples = static_cast<uint64_t>(*width) * static_cast<uint64_t>(*height) * 3;
  if (rest.empty() || rest.size() - 1 < samples) return bad("ends early");
  const Size size{static_cast<int>(*width), static_cast<int>(*height)};
  // One character of white space stands before the samples.
  return Rgb8View{rest.data() + 1, size, static_cast<size_t>(size.width) * 3};
}

}  // namespace compass
