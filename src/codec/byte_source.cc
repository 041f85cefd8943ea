#include "codec/byte_source.h"

#include <array>

namespace compass {

Status ByteSource::skip(uint64_t count) {
  std::array<uint8_t, 16384> passed;
  while (count > 0) {
    const auto step = static_cast<size_t>(std::min<uint64_t>(count, passed.size()));
    const auto got = read(std::span(passed).first(step));
    if (!got) return got.error();
    if (*got < step) return {};
    count -= step;
  }
  return {};
}

Result<size_t> CallbackSource::read(std::span<uint8_t> out) {
  auto got = read_(at_, out);
  if (got) at_ += *got;
  return got;
}

Result<size_t> MemorySource::read(std::span<uint8_t> out) {
  const size_t count = std::min(out.size(), bytes_.size());
  std::copy_n(bytes_.begin(), count, out.begin());
  bytes_ = bytes_.subspan(count);
  return count;
}

}  // namespace compass
