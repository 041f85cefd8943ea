#include "serve/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>
#include <new>

#include "serve/accept.h"

namespace compass::tools::serve {
namespace {

constexpr int kWindow = 15;          // bits: the largest
constexpr int kGzip = 16;            // added to it: gzip's header and trailer instead of zlib's
constexpr int kMemory = 9;           // the most
constexpr size_t kPiece = 1U << 30;  // zlib counts input in 32 bits

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
  const std::vector<AcceptItem> items = accept_items(accept_encoding);
  const auto found = std::ranges::find_if(items, [](const AcceptItem& item) {
    return item.name == "gzip" || item.name == "x-gzip" || item.name == "*";
  });
  return found != items.end() && !found->refused;
}

bool is_compressible(std::string_view type) {
  type = type.substr(0, type.find(';'));
  constexpr std::array kOthers{"application/json", "application/ld+json", "application/wasm",
                               "image/svg+xml"};
  return type.starts_with("text/") || std::ranges::find(kOthers, type) != kOthers.end();
}

}  // namespace compass::tools::serve
