#include "bitstream/append.h"

#include <limits>
#include <string>

namespace compass {
namespace {

PictureKinds only_alpha(const ContainerHeader& header) {
  PictureKinds kinds;
  kinds.alpha = header.kinds.alpha;
  return kinds;
}

}  // namespace

Result<std::vector<uint8_t>> append_layer(std::span<const uint8_t> file, const LayerPayload& layer) {
  ContainerLimits limits;
  limits.max_pixels = std::numeric_limits<uint64_t>::max();
  limits.max_metadata_bytes = std::numeric_limits<uint64_t>::max();
  const auto parsed = parse_header(file, limits);
  if (!parsed) return parsed.error();
  if (!parsed->header) return Error{ErrorCode::kDamaged, "the file ends within its header"};
  ContainerHeader header = *parsed->header;
  if (file.size() < header.file_bytes()) {
    return Error{ErrorCode::kDamaged, "the file ends after " + std::to_string(file.size()) + " of its " +
                                          std::to_string(header.file_bytes()) + " bytes"};
  }
  const auto kept = file.subspan(header.bytes, header.file_bytes() - header.bytes);

  // The layer's entry and bytes are those of a file that holds nothing else.
  const auto alone =
      write_container({.decoder = header.decoder, .layers = {layer}, .kinds = only_alpha(header)});
  if (!alone) return alone.error();
  const auto alone_parsed = parse_header(*alone, limits);
  if (!alone_parsed) return alone_parsed.error();
  const ContainerHeader& own = *alone_parsed->header;
  header.layers.push_back(own.layers.front());
  auto out = serialise_header(header);
  if (!out) return out;
  out->insert(out->end(), kept.begin(), kept.end());
  out->insert(out->end(), alone->begin() + static_cast<std::ptrdiff_t>(own.bytes), alone->end());
  return out;
}

}  // namespace compass
