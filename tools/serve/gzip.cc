#include "serve/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

namespace compass::tools::serve {
namespace {

constexpr int kWindow = 15;          // bits: the largest
constexpr int kGzip = 16;            // added to it: gzip's header and trailer instead of zlib's
constexpr int kMemory = 9;           // the most
constexpr size_t kPiece = 1U << 30;  // zlib counts input in 32 bits

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<uint8_t> gzipped(std::span<const uint8_t> bytes, int level) {
  z_stream stream{};
  // It fails for want of memory alone, or for parameters that there are not.
  if (deflateInit2(&stream, level, Z_DEFLATED, kWindow + kGzip, kMemory, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
  std::vector<uint8_t> out;
  int status = Z_OK;
  std::array<uint8_t, 64 * 1024> piece;
  for (size_t at = 0; status != Z_STREAM_END;) {
    if (stream.avail_in == 0 && at < bytes.size()) {
      const size_t count = std::min(kPiece, bytes.size() - at);
      stream.next_in = const_cast<uint8_t*>(bytes.data() + at);  // read only
      stream.avail_in = static_cast<uInt>(count);
      at += count;
    }
    stream.next_out = piece.data();
    stream.avail_out = piece.size();
    status = deflate(&stream, at == bytes.size() ? Z_FINISH : Z_NO_FLUSH);
    out.insert(out.end(), piece.begin(), piece.end() - stream.avail_out);
  }
  return out;
}

bool accepts_gzip(std::string_view accept_encoding) {
  while (!accept_encoding.empty()) {
    const size_t comma = std::min(accept_encoding.find(','), accept_encoding.size());
    const std::string_view item = accept_encoding.substr(0, comma);
    accept_encoding.remove_prefix(std::min(comma + 1, accept_encoding.size()));
    const std::string_view name = trimmed(item.substr(0, item.find(';')));
    if (name != "gzip" && name != "x-gzip" && name != "*") continue;
    const size_t weight = item.find("q=");
    return weight == std::string_view::npos ||
           item.substr(weight + 2).find_first_of("123456789") != std::string_view::npos;
  }
  return false;
}

bool is_compressible(std::string_view type) {
  type = type.substr(0, type.find(';'));
  constexpr std::array kOthers{"application/json", "application/ld+json", "application/wasm",
                               "image/svg+xml"};
  return type.starts_with("text/") || std::ranges::find(kOthers, type) != kOthers.end();
}

}  // namespace compass::tools::serve
