// Reading while bytes arrive.
#include <algorithm>
#include <optional>
#include <string>

#include "api/internal.h"
#include "api/output.h"
#include "codec/file_reader.h"

using namespace compass::api;

struct compass_reader {
  std::shared_ptr<compass::Decoder> decoder;
  bool pulls = false;
  compass::FileReader file;
  compass::Progress progress;
  uint64_t next_push = 0;
  bool ended = false;
};

namespace {

// What the file's next layer is, which there must be.
compass_layer layer_of(compass::FileReader& file, const compass::LayerPart& part) {
  compass_layer layer{};
  layer.layer = part.layer;
  layer.width = part.size.width;
  layer.height = part.size.height;
  layer.x = part.part.x;
  layer.y = part.part.y;
  layer.is_last = file.is_last() ? 1 : 0;
  layer.kinds = flags_of((*file.header())->kinds);
  return layer;
}

compass::Status give_layer(const compass_layer& value, compass_layer* layer) {
  return give(value, layer, offsetof(compass_layer, layer) + sizeof(compass_layer::layer), "compass_layer");
}

compass::Result<std::unique_ptr<Output>> output_of(const compass_output* given,
                                                   const compass::LayerPart& part, bool grey) {
  if (given == nullptr) return std::unique_ptr<Output>();
  const auto wish =
      with_defaults(given, compass_output_init,
                    offsetof(compass_output, pixels) + sizeof(compass_output::pixels), "compass_output");
  if (!wish) return wish.error();
  return Output::create(*wish, part.size, grey);
}

compass_status end_of_layers(compass_error* error) {
  return fail(COMPASS_END, "there are no more layers", error);
}

// Bytes can be pushed only by those who promised to.
const char* why_no_push(const compass_reader& reader) {
  if (reader.pulls) return "the reader has a source: it reads for itself";
  return reader.ended ? "bytes after compass_reader_end" : nullptr;
}

}  // namespace

void compass_layer_init(compass_layer* layer) {
  if (layer == nullptr) return;
  *layer = {};
  layer->struct_size = sizeof *layer;
}

compass_status compass_reader_create(const compass_decoder* decoder, const compass_source* source,
                                     compass_reader** reader, compass_error* error) {
  if (reader == nullptr) return missing("reader must not be NULL", error);
  *reader = nullptr;
  if (decoder == nullptr) return missing("decoder must not be NULL", error);
  return guarded(error, [&] {
    compass::FileReader::Read read;
    if (source != nullptr) {
      const auto wanted = read_of(*source);
      if (!wanted) return fail(wanted.error(), error);
      read = *wanted;
    }
    compass::CodecRuntime& runtime = decoder->decoder->runtime();
    *reader = new compass_reader{
        decoder->decoder, source != nullptr, compass::FileReader(runtime, std::move(read)), {}};
    return COMPASS_OK;
  });
}

void compass_reader_free(compass_reader* reader) {
  delete reader;
}

compass_status compass_reader_push_at(compass_reader* reader, uint64_t offset, const uint8_t* data,
                                      size_t size, compass_error* error) {
  if (reader == nullptr) return missing("reader must not be NULL", error);
  if (data == nullptr && size != 0) return missing("data must not be NULL", error);
  if (const char* why = why_no_push(*reader)) return fail(COMPASS_USAGE, why, error);
  if (offset > UINT64_MAX - size) return fail(COMPASS_USAGE, "offset: no file is that long", error);
  return guarded(error, [&] {
    reader->file.push(offset, {data, size});
    reader->next_push = offset + size;
    return COMPASS_OK;
  });
}

compass_status compass_reader_push(compass_reader* reader, const uint8_t* data, size_t size,
                                   compass_error* error) {
  return compass_reader_push_at(reader, reader == nullptr ? 0 : reader->next_push, data, size, error);
}

compass_status compass_reader_end(compass_reader* reader, compass_error* error) {
  if (reader == nullptr) return missing("reader must not be NULL", error);
  if (reader->pulls) return fail(COMPASS_USAGE, why_no_push(*reader), error);
  reader->ended = true;
  reader->file.end();
  return COMPASS_OK;
}

uint64_t compass_reader_need(const compass_reader* reader) {
  return reader == nullptr ? 0 : reader->file.need();
}

compass_status compass_reader_info(compass_reader* reader, compass_info* info, compass_error* error) {
  if (info == nullptr) return missing("info must not be NULL", error);
  *info = {};
  if (reader == nullptr) return missing("reader must not be NULL", error);
  return guarded(error, [&] {
    const auto header = reader->file.header();
    if (!header) {
      if (header.error().code == compass::ErrorCode::kNeed) info->need = reader->file.need();
      return fail(header.error(), error);
    }
    fill_info(**header, info);
    return COMPASS_OK;
  });
}

compass_status compass_reader_metadata(compass_reader* reader, uint32_t type, compass_bytes* bytes,
                                       compass_error* error) {
  if (bytes == nullptr) return missing("bytes must not be NULL", error);
  *bytes = {nullptr, 0};
  if (reader == nullptr) return missing("reader must not be NULL", error);
  return guarded(error, [&] {
    const auto chunks = reader->file.metadata();
    if (!chunks) return fail(chunks.error(), error);
    const auto found = std::ranges::find(*chunks, type, &compass::MetadataChunk::type);
    if (found != chunks->end()) fill_bytes(found->bytes, bytes);
    return COMPASS_OK;
  });
}

compass_status compass_reader_bytes_for(compass_reader* reader, const compass_decode_settings* settings,
                                        uint64_t* bytes, compass_error* error) {
  if (bytes == nullptr) return missing("bytes must not be NULL", error);
  *bytes = 0;
  if (reader == nullptr) return missing("reader must not be NULL", error);
  return guarded(error, [&] {
    const auto wanted = decode_settings(settings);
    if (!wanted) return fail(wanted.error(), error);
    const auto found = reader->file.bytes_for(*wanted);
    if (!found) return fail(found.error(), error);
    *bytes = *found;
    return COMPASS_OK;
  });
}

compass_status compass_reader_ranges(compass_reader* reader, const compass_decode_settings* settings,
                                     compass_range* ranges, size_t capacity, size_t* count,
                                     compass_error* error) {
  if (count == nullptr) return missing("count must not be NULL", error);
  *count = 0;
  if (reader == nullptr) return missing("reader must not be NULL", error);
  if (ranges == nullptr && capacity != 0) return missing("ranges must not be NULL", error);
  return guarded(error, [&] {
    const auto wanted = decode_settings(settings);
    if (!wanted) return fail(wanted.error(), error);
    const auto found = reader->file.ranges(*wanted);
    if (!found) return fail(found.error(), error);
    *count = found->size();
    for (size_t i = 0; i < std::min(capacity, *count); ++i) {
      ranges[i] = {(*found)[i].offset, (*found)[i].bytes};
    }
    return COMPASS_OK;
  });
}

compass_status compass_reader_select(compass_reader* reader, const compass_decode_settings* settings,
                                     compass_error* error) {
  if (reader == nullptr) return missing("reader must not be NULL", error);
  return guarded(error, [&] {
    auto wanted = decode_settings(settings);
    if (!wanted) return fail(wanted.error(), error);
    reader->progress = std::exchange(wanted->progress, {});
    reader->file.select(*wanted);
    const auto next = reader->file.next();
    if (next || next.error().code == compass::ErrorCode::kNeed) return COMPASS_OK;
    return fail(next.error(), error);
  });
}

compass_status compass_reader_next(compass_reader* reader, compass_layer* layer, compass_error* error) {
  if (layer == nullptr) return missing("layer must not be NULL", error);
  if (reader == nullptr) return missing("reader must not be NULL", error);
  return guarded(error, [&] {
    const auto next = reader->file.next();
    if (!next) return fail(next.error(), error);
    if (!*next) return end_of_layers(error);
    const auto given = give_layer(layer_of(reader->file, **next), layer);
    return given ? COMPASS_OK : fail(given.error(), error);
  });
}

int compass_reader_ready(compass_reader* reader) {
  if (reader == nullptr) return -1;
  int layer = -1;
  guarded(nullptr, [&] {
    const auto ready = reader->file.is_ready();
    if (!ready) {
      if (ready.error().code != compass::ErrorCode::kNeed) layer = 0;
      return COMPASS_OK;
    }
    if (*ready) layer = (*reader->file.next())->layer;
    return COMPASS_OK;
  });
  return layer;
}

compass_status compass_reader_next_layer(compass_reader* reader, const compass_output* output,
                                         compass_layer* layer, compass_error* error) {
  if (reader == nullptr) return missing("reader must not be NULL", error);
  return guarded(error, [&] {
    const auto next = reader->file.next();
    if (!next) return fail(next.error(), error);
    if (!*next) return end_of_layers(error);
    compass_layer about = layer_of(reader->file, **next);
    if (layer != nullptr) {
      if (const auto given = give_layer(about, layer); !given) return fail(given.error(), error);
    }
    const auto sink = output_of(output, **next, (about.kinds & COMPASS_GREY) != 0);
    if (!sink) return fail(sink.error(), error);
    const auto decoded = reader->file.next_layer(sink->get(), reader->progress);
    if (!decoded) return fail(decoded.error(), error);
    about.decoded = 1;
    if (layer != nullptr && !give_layer(about, layer)) return COMPASS_FAILURE;  // it was good a moment ago
    if (decoded->damage.empty()) return COMPASS_OK;
    return fail(COMPASS_DAMAGED, joined(decoded->damage).c_str(), error);
  });
}
