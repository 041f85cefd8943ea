// PNG's colour chunks (PNG specification, third edition, 11.3.2).
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "colour_facts.h"

namespace compass::tools::images {
namespace {

// Chunks in front of the pixels that are read through in search of the others; profiles, text and Exif are
// far smaller.
constexpr uint64_t kMaxHeaderBytes = uint64_t{64} << 20;

constexpr uint64_t kMaxProfileBytes = uint64_t{16} << 20;

uint32_t number(std::span<const uint8_t> bytes, size_t at) {
  return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 | uint32_t{bytes[at + 2]} << 8 |
         bytes[at + 3];
}

// Reads exactly so many bytes; false at the file's end.
bool read_all(VipsSource* source, std::span<uint8_t> out) {
  while (!out.empty()) {
    const gint64 got = vips_source_read(source, out.data(), out.size());
    if (got <= 0) return false;
    out = out.subspan(static_cast<size_t>(got));
  }
  return true;
}

bool skip(VipsSource* source, uint64_t bytes) {
  std::array<uint8_t, 4096> waste{};
  while (bytes > 0) {
    const uint64_t part = std::min<uint64_t>(bytes, waste.size());
    if (!read_all(source, {waste.data(), part})) return false;
    bytes -= part;
  }
  return true;
}

// Only full-range RGB can be meant for PNG's samples.
void take_code_points(std::span<const uint8_t> body, ColourFacts& facts) {
  if (body[2] == 0 && body[3] == 1) {
    facts.code_points = CodePoints{body[0], body[1]};
    facts.code_points_first = true;
    return;
  }
  facts.notes.push_back(fmt::format(
      "its cICP chunk (matrix {}, {} range) is not one for PNG and is ignored: its colours are taken as if "
      "it were not there",
      body[2], body[3] == 1 ? "full" : "narrow"));
}

// Name, a zero, compression method 0, a zlib stream.
std::vector<uint8_t> unpack_profile(std::span<const uint8_t> body) {
  const auto name_end = std::find(body.begin(), body.end(), uint8_t{0});
  if (body.end() - name_end < 2 || name_end[1] != 0) return {};
  const std::span<const uint8_t> packed(name_end + 2, body.end());
  z_stream stream{};
  if (inflateInit(&stream) != Z_OK) return {};
  const std::unique_ptr<z_stream, decltype(&inflateEnd)> end(&stream, inflateEnd);
  stream.next_in = const_cast<Bytef*>(packed.data());  // zlib's interface; not written to
  stream.avail_in = static_cast<uInt>(packed.size());
  std::vector<uint8_t> profile;
  int status = Z_OK;
  while (status == Z_OK && profile.size() < kMaxProfileBytes) {
    const size_t done = profile.size();
    profile.resize(std::max<size_t>(4096, 2 * done));
    stream.next_out = profile.data() + done;
    stream.avail_out = static_cast<uInt>(profile.size() - done);
    status = inflate(&stream, Z_NO_FLUSH);
    profile.resize(profile.size() - stream.avail_out);
  }
  if (status != Z_STREAM_END) profile.clear();
  return profile;
}

void take_chunk(std::string_view type, std::span<const uint8_t> body, ColourFacts& facts) {
  const auto hundred_thousandths = [&](size_t i) { return number(body, 4 * i) / 100'000.0; };
  if (type == "cICP" && body.size() == 4) {
    take_code_points(body, facts);
  } else if (type == "iCCP") {
    facts.icc = unpack_profile(body);
  } else if (type == "sRGB") {
    facts.srgb = true;
  } else if (type == "gAMA" && body.size() == 4) {
    facts.gamma = hundred_thousandths(0);
  } else if (type == "cHRM" && body.size() == 32) {
    const auto point = [&](size_t i) {
      return Chromaticity{hundred_thousandths(2 * i), hundred_thousandths(2 * i + 1)};
    };
    facts.primaries = Primaries{.red = point(1), .green = point(2), .blue = point(3), .white = point(0)};
  } else if (type == "pHYs" && body.size() == 9 && body[8] == 1 && number(body, 0) > 0 &&
             number(body, 4) > 0) {
    facts.density = Density{static_cast<double>(number(body, 0)), static_cast<double>(number(body, 4))};
  }
}

}  // namespace

void read_png_facts(VipsSource* source, ColourFacts& facts) {
  constexpr uint32_t kMaxBody = 32;  // of the chunks looked for, but for profiles
  constexpr uint32_t kChecksum = 4;
  uint64_t passed = 8;
  if (vips_source_rewind(source) != 0 || !skip(source, passed)) return;
  while (passed < kMaxHeaderBytes) {
    std::array<uint8_t, 8> head{};
    if (!read_all(source, head)) return;
    const uint32_t length = number(head, 0);
    const std::string_view type(reinterpret_cast<const char*>(head.data()) + 4, 4);
    if (type == "IDAT" || type == "IEND") return;
    if (passed + length > kMaxHeaderBytes) return;
    const bool wanted = length <= kMaxBody || (type == "iCCP" && length <= kMaxProfileBytes);
    std::vector<uint8_t> body(wanted ? length : 0);
    if (!read_all(source, body)) return;
    take_chunk(type, body, facts);
    if (!skip(source, uint64_t{length} - body.size() + kChecksum)) return;
    passed += head.size() + length + kChecksum;
  }
}

}  // namespace compass::tools::images
