// Writing pictures: what image_file.h promises for every format but PPM.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "common/memory_sink.h"
#include "functions.h"
#include "metadata_writer.h"
#include "read_back.h"
#include "vips_handle.h"

namespace compass::tools::images {
namespace {

// A TIFF file ends at 4 GiB; larger pictures take its variant with longer offsets.
constexpr int64_t kMaxTiffBytes = 4'000'000'000;

// What is written, and how.
struct Source {
  const PictureView& picture;
  FileSamples samples;
  Size size() const { return picture.size(); }
};

// The format with libvips' options for it. `strip`: without metadata of libvips' making.
std::string suffix_of(const std::string& format, const Source& source, bool strip) {
  const int64_t bytes = source.size().pixels() * static_cast<int64_t>(source.samples.pixel_bytes());
  std::string more = fmt::format(",Q={}", source.samples.quality);
  if (format == ".png") more = "";
  if (format == ".tif" || format == ".tiff") more = bytes > kMaxTiffBytes ? ",bigtiff" : "";
  return fmt::format("{}[strip={}{}]", format, strip, more);
}

// Fills a piece of the picture that libvips asks for, on whichever of its threads.
int generate(VipsRegion* out, void* /*sequence*/, void* source, void* /*unused*/, gboolean* /*stop*/) {
  const Source& from = *static_cast<const Source*>(source);
  const VipsRect& area = out->valid;
  for (int y = area.top; y < area.top + area.height; ++y) {
    fill_row(from.picture, from.samples, area.left, y, area.width, VIPS_REGION_ADDR(out, area.left, y));
  }
  return 0;
}

VipsInterpretation space_of(const FileSamples& samples) {
  if (samples.grey) return samples.deep ? VIPS_INTERPRETATION_GREY16 : VIPS_INTERPRETATION_B_W;
  return samples.deep ? VIPS_INTERPRETATION_RGB16 : VIPS_INTERPRETATION_sRGB;
}

// The sink keeps a failure, which is checked at the end. It is not reported to the library, since not every
// library stops (openjpeg tries again for ever).
gint64 on_write(VipsTargetCustom* /*target*/, const void* data, gint64 length, void* sink) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  const Status kept = static_cast<ByteSink*>(sink)->write({bytes, static_cast<size_t>(length)});
  (void)kept;
  return length;
}

gint64 on_read(VipsTargetCustom* /*target*/, void* data, gint64 length, void* sink) {
  return static_cast<ByteSink*>(sink)->read({static_cast<uint8_t*>(data), static_cast<size_t>(length)});
}

gint64 on_seek(VipsTargetCustom* /*target*/, gint64 offset, int whence, void* sink) {
  return static_cast<ByteSink*>(sink)->seek(offset, whence);
}

// Writes the picture, with all of this metadata or not at all. Errors: the sink's; kFailure.
Status save(const Source& source, const std::string& format, ByteSink& sink,
            std::span<const MetadataChunk> metadata) {
  vips_error_clear();
  const Handle<VipsImage> pixels(vips_image_new());
  const FileSamples& samples = source.samples;
  vips_image_init_fields(pixels.get(), source.size().width, source.size().height, samples.bands(),
                         samples.deep ? VIPS_FORMAT_USHORT : VIPS_FORMAT_UCHAR, VIPS_CODING_NONE,
                         space_of(samples), 1, 1);
  MetadataWriter writer(format, metadata, source.size(), samples.alpha, sink);
  writer.attach(pixels.get());
  ByteSink* const bytes = &writer;
  const Handle<VipsTargetCustom> target(vips_target_custom_new());
  g_signal_connect(target.get(), "write", G_CALLBACK(on_write), bytes);
  g_signal_connect(target.get(), "read", G_CALLBACK(on_read), bytes);
  g_signal_connect(target.get(), "seek", G_CALLBACK(on_seek), bytes);
  const std::string suffix = suffix_of(format, source, writer.strip());
  const bool written =
      vips_image_pipelinev(pixels.get(), VIPS_DEMAND_STYLE_THINSTRIP, nullptr) == 0 &&
      vips_image_generate(pixels.get(), nullptr, generate, nullptr, const_cast<Source*>(&source), nullptr) ==
          0 &&
      vips_image_write_to_target(pixels.get(), suffix.c_str(), VIPS_TARGET(target.get()), nullptr) == 0;
  if (const Status status = sink.write({}); !status) return status;  // the cause, if the disk or the pipe was
  if (written) return writer.finish();
  const bool silent = *vips_error_buffer() == '\0';
  return Error{ErrorCode::kFailure, silent ? "its writer gives no reason" : vips_reason()};
}

const char* words_for(uint32_t type) {
  switch (type) {
    case MetadataChunk::kExif:
      return "Exif block";
    case MetadataChunk::kXmp:
      return "XMP packet";
    case MetadataChunk::kIptc:
      return "IPTC records";
    default:
      return "metadata";
  }
}

// What becomes of a tiny picture with tiny metadata in that format: what the installed libraries can do.
struct Ability {
  bool writes = false;
  ReadBack comes_back;
};

Ability ability(const std::string& format) {
  constexpr Size kTiny{16, 16};
  constexpr uint8_t kEmptyTiff[] = {'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0};
  constexpr std::string_view kEmptyXmp = "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\"></x:xmpmeta>";
  const std::vector<MetadataChunk> metadata{
      {MetadataChunk::kExif, {std::begin(kEmptyTiff), std::end(kEmptyTiff)}},
      {MetadataChunk::kXmp, {kEmptyXmp.begin(), kEmptyXmp.end()}}};
  Rgb8Image picture(kTiny);
  std::fill(picture.samples.begin(), picture.samples.end(), uint8_t{128});
  MemorySink sink;
  if (!save({picture.view(), {}}, format, sink, metadata)) return {};
  return {true, read_back(sink, kTiny)};
}

// Writes the picture with as much of the metadata as the format's writer takes. Says in `notes` what it does
// not.
Status save_what_fits(const Source& source, const std::string& format, ByteSink& sink,
                      std::vector<MetadataChunk>& metadata, Notes& notes) {
  std::erase_if(metadata, [&](const MetadataChunk& chunk) {
    const std::string reason = misfit(format, chunk);
    if (reason.empty()) return false;
    notes.push_back(fmt::format("its {} of {} bytes cannot be written to {} and is dropped: {}",
                                words_for(chunk.type), chunk.bytes.size(), format, reason));
    return true;
  });
  for (;;) {
    Status saved = save(source, format, sink, metadata);
    const auto is_icc = [](const MetadataChunk& chunk) { return chunk.type == MetadataChunk::kIcc; };
    const auto first =
        std::ranges::find_if_not(metadata, is_icc);  // without its profile it is another picture
    if (saved || first == metadata.end() || !sink.write({})) return saved;
    const auto is_exif = [](const MetadataChunk& chunk) { return chunk.type == MetadataChunk::kExif; };
    const bool exif =
        std::any_of(metadata.begin(), metadata.end(), is_exif);  // what writers are particular about
    const uint32_t type = exif ? uint32_t{MetadataChunk::kExif} : first->type;
    for (const MetadataChunk& chunk : metadata) {
      if (chunk.type != type) continue;
      notes.push_back(fmt::format("its {} of {} bytes cannot be written to {} and is dropped: {}",
                                  words_for(type), chunk.bytes.size(), format, saved.error().message));
    }
    std::erase_if(metadata, [type](const MetadataChunk& chunk) { return chunk.type == type; });
    if (Status empty = sink.restart(); !empty) return empty;
  }
}

}  // namespace

bool can_write(const std::string& format) {
  return ability(format).writes;
}

Result<Notes> write_image(const PictureView& picture, const FileSamples& samples, const std::string& format,
                          ByteSink& sink, std::span<const MetadataChunk> metadata) {
  Notes notes;
  std::vector<MetadataChunk> kept(metadata.begin(), metadata.end());
  if (const Status saved = save_what_fits({picture, samples}, format, sink, kept, notes); !saved) {
    if (const Status poured = sink.write({}); !poured) return poured.error();
    return Error{ErrorCode::kFailure,
                 fmt::format("cannot write {}: {}; try another format", format, saved.error().message)};
  }
  // Writers may leave out metadata, or the picture itself, and report success.
  const ReadBack written = read_back(sink, picture.size());
  const auto missing = [&](const MetadataChunk& chunk) { return !written.has(chunk); };
  if (written.picture && std::none_of(kept.begin(), kept.end(), missing)) return notes;
  const auto is_lost_profile = [&](const MetadataChunk& chunk) {
    return chunk.type == MetadataChunk::kIcc && missing(chunk);
  };
  if (written.picture && std::any_of(kept.begin(), kept.end(), is_lost_profile)) {
    return Error{ErrorCode::kFailure,
                 fmt::format("the picture's colours are those of its profile, which cannot be written to {}; "
                             "choose PNG, JPEG, WebP or TIFF",
                             format)};
  }
  const Ability able = ability(format);
  if (!written.picture && able.comes_back.picture) {
    return Error{ErrorCode::kFailure,
                 fmt::format("{}x{} is too large for the format {}: its writer made a file "
                             "without a picture; choose another format or a smaller picture",
                             picture.size().width, picture.size().height, format)};
  }
  const auto keeps = [&able](uint32_t type) { return able.comes_back.has({type, {}}); };
  if (!written.picture)
    return notes;  // the installed libraries cannot read the format, so that it cannot be checked
  for (const MetadataChunk& chunk : kept) {
    if (!missing(chunk)) continue;
    const char* const words = words_for(chunk.type);
    if (keeps(chunk.type)) {
      notes.push_back(fmt::format("its {} of {} bytes is too large for {}: it is dropped, or most of it",
                                  words, chunk.bytes.size(), format));
    } else {
      notes.push_back(fmt::format("its {} of {} bytes cannot be written to {} and is dropped: {}", words,
                                  chunk.bytes.size(), format, "there is no place for it"));
    }
  }
  return notes;
}

}  // namespace compass::tools::images
