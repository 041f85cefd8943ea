#include "serve/compressor.h"

#include <algorithm>

#include "serve/gzip.h"

namespace compass::tools::serve {
namespace {

// Answers of fewer bytes fit one packet as they are; of more, compressing would take long.
constexpr uint64_t kLeast = 1024;
constexpr uint64_t kMost = 16 << 20;
constexpr uint64_t kKept = 16 << 20;  // bytes
constexpr int kLevel = 6;

// All of it; empty if the file was cut meanwhile.
std::vector<uint8_t> bytes_of(const Body& body) {
  std::vector<uint8_t> bytes(static_cast<size_t>(body.size()));
  for (size_t have = 0; have < bytes.size();) {
    const size_t got = body.read(have, bytes.data() + have, bytes.size() - have);
    if (got == 0) return {};
    have += got;
  }
  return bytes;
}

}  // namespace

Compressor::Compressor() : cache_(kKept) {}

Answer Compressor::compressed(const Request& request, Answer answer) {
  if (answer.status != 200 || answer.body == nullptr || !is_compressible(answer.type)) return answer;
  if (answer.body->size() < kLeast || answer.body->size() > kMost) return answer;
  answer.headers.emplace_back("Vary", "Accept-Encoding");
  if (request.has_range || !accepts_gzip(request.accept_encoding)) return answer;
  // What has no tag is made for each request, and so differs without its address doing so.
  const auto tag = std::ranges::find(answer.headers, "ETag", &Headers::value_type::first);
  const bool has_tag = tag != answer.headers.end();
  const std::string key = has_tag ? request.target + '\n' + tag->second : "";
  auto body = has_tag ? cache_.find(key) : nullptr;
  if (body == nullptr) {
    const std::vector<uint8_t> bytes = bytes_of(*answer.body);
    if (bytes.empty()) return answer;
    body = body_of(gzipped(bytes, kLevel));
    if (has_tag) cache_.keep(key, body);
  }
  if (has_tag) tag->second = "W/" + tag->second;
  answer.headers.emplace_back("Content-Encoding", "gzip");
  answer.body = std::move(body);
  return answer;
}

}  // namespace compass::tools::serve
