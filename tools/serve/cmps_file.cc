#include "serve/cmps_file.h"

namespace compass::tools::serve {
namespace {

// A header of as many bytes is usually whole.
constexpr uint64_t kFirstLook = 1024;

}  // namespace

Result<ContainerHeader> read_header(const OpenFile& file, const ContainerLimits& limits) {
  for (uint64_t want = kFirstLook;;) {
    const auto bytes = file.first(want);
    if (!bytes) return bytes.error();
    auto parsed = parse_header(*bytes, limits);
    if (!parsed) return parsed.error();
    if (parsed->header) return *std::move(parsed->header);
    if (bytes->size() < want) return Error{ErrorCode::kBadFile, "ends within the header"};
    want = parsed->need;
  }
}

}  // namespace compass::tools::serve
