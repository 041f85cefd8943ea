#include "cmps_header.h"

#include <fmt/format.h>

namespace compass::tools {

Result<ContainerHeader> peek_header(InputFile& file, const CodecOptions& options) {
  ContainerLimits limits;
  limits.max_pixels = options.max_pixels;
  size_t have = 0;
  for (;;) {
    const Result<std::span<const uint8_t>> bytes = file.peek(have);
    if (!bytes) return bytes.error();
    if (bytes->size() < have) {
      const char* what = bytes->empty() ? "is empty" : "ends within the header";
      return Error{ErrorCode::kBadFile, fmt::format("{}: {} (byte {}); get a whole copy of the file",
                                                    file.name(), what, bytes->size())};
    }
    Result<HeaderParse> parsed = parse_header(*bytes, limits);
    if (!parsed)
      return Error{parsed.error().code, fmt::format("{}: {}", file.name(), parsed.error().message)};
    if (parsed->header) return *std::move(parsed->header);
    have = parsed->need;
  }
}

}  // namespace compass::tools
