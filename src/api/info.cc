// Looking into files: headers and metadata.
#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "api/internal.h"
#include "bitstream/container.h"

namespace compass::api {

int flags_of(const PictureKinds& kinds) {
  return (kinds.alpha ? COMPASS_ALPHA : 0) | (kinds.grey ? COMPASS_GREY : 0) |
         (kinds.deep ? COMPASS_DEEP : 0) | (kinds.own_colours ? COMPASS_OWN_COLOURS : 0);
}

void fill_info(const ContainerHeader& header, compass_info* info) {
  std::copy(header.decoder.begin(), header.decoder.end(), info->decoder_id);
  info->minor_version = header.minor_version;
  info->kinds = flags_of(header.kinds);
  info->layer_count = static_cast<int>(header.layers.size());
  for (size_t k = 0; k < header.layers.size(); ++k) {
    const LayerEntry& layer = header.layers[k];
    info->layers[k] = {layer.size.width, layer.size.height, layer.quality / 10.0, layer.begin(), layer.end()};
  }
  static_assert(COMPASS_MAX_METADATA == kMaxMetadataCount && COMPASS_MAX_LAYERS == kMaxLayerCount);
  info->header_bytes = header.bytes;
  info->metadata_count = static_cast<int>(header.metadata.size());
  for (size_t i = 0; i < header.metadata.size(); ++i) {
    info->metadata[i] = {header.metadata[i].type, header.metadata[i].bytes};
  }
}

}  // namespace compass::api

using namespace compass::api;

namespace {

// A header, whatever the size of its picture: nothing is allocated for pixels.
compass::Result<compass::HeaderParse> parse_any_header(std::span<const uint8_t> bytes) {
  compass::ContainerLimits limits;
  limits.max_pixels = std::numeric_limits<uint64_t>::max();
  return compass::parse_header(bytes, limits);
}

}  // namespace

compass_status compass_read_info(const uint8_t* data, size_t size, compass_info* info, compass_error* error) {
  if (info == nullptr) return missing("info must not be NULL", error);
  *info = {};
  if (data == nullptr) return missing("data must not be NULL", error);
  return guarded(error, [&] {
    const auto parsed = parse_any_header({data, size});
    if (!parsed) return fail(parsed.error(), error);
    if (!parsed->header) {
      info->need = parsed->need;
      const std::string message =
          "the header is not whole: at least " + std::to_string(parsed->need) + " bytes are needed";
      return fail(COMPASS_DAMAGED, message.c_str(), error);
    }
    fill_info(*parsed->header, info);
    return COMPASS_OK;
  });
}

compass_status compass_read_metadata(const uint8_t* data, size_t size, uint32_t type, compass_bytes* bytes,
                                     compass_error* error) {
  if (bytes == nullptr) return missing("bytes must not be NULL", error);
  *bytes = {nullptr, 0};
  if (data == nullptr) return missing("data must not be NULL", error);
  return guarded(error, [&] {
    const auto parsed = parse_any_header({data, size});
    if (!parsed) return fail(parsed.error(), error);
    if (!parsed->header) return fail(COMPASS_DAMAGED, "ends inside the header", error);
    const compass::ContainerHeader& header = *parsed->header;
    if (size < header.bytes + header.metadata_bytes()) {
      return fail(COMPASS_DAMAGED, "ends inside the metadata", error);
    }
    const auto length = static_cast<size_t>(header.metadata_bytes());
    const auto chunks = compass::read_metadata(header, {data + header.bytes, length});
    if (!chunks) return fail(chunks.error(), error);
    const auto found = std::ranges::find(*chunks, type, &compass::MetadataChunk::type);
    if (found != chunks->end()) fill_bytes(found->bytes, bytes);
    return COMPASS_OK;
  });
}

compass_status compass_extract(const uint8_t* data, size_t size, int layers, compass_bytes* file,
                               compass_error* error) {
  if (file == nullptr) return missing("file must not be NULL", error);
  *file = {nullptr, 0};
  if (data == nullptr) return missing("data must not be NULL", error);
  return guarded(error, [&] {
    compass::ContainerLimits limits;
    limits.max_pixels = std::numeric_limits<uint64_t>::max();
    limits.max_metadata_bytes = std::numeric_limits<uint64_t>::max();
    const auto kept = compass::extract_layers({data, size}, layers, limits);
    if (!kept) return fail(kept.error(), error);
    fill_bytes(*kept, file);
    return COMPASS_OK;
  });
}
