#include "publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "codec/encoder.h"
#include "common/image_file.h"
#include "common/output_file.h"
#include "common/plain_text.h"
#include "common/progress.h"
#include "model_file/model_ids.h"
#include "photo_encoding.h"
#include "serve/gzip.h"
#include "serve/negotiate.h"
#include "serve/run_server.h"

namespace compass::tools {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kEncoderModule = "compass-encoder.wasm";
constexpr const char* kCopied = "copied";  // the settings of .cmps files
// How often a run at most writes the manifest while it makes files: often enough for an interrupted run to
// lose little, and seldom enough for thousands of pictures, whose manifest takes a while.
constexpr size_t kManifestWrites = 100;

// Writes a whole file, making the folders on the way to it.
Status write_file(const fs::path& path, std::span<const uint8_t> bytes) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  if (error)
    return Error{ErrorCode::kIo, fmt::format("{}: {}", path.parent_path().string(), error.message())};
  Result<OutputFile> file = OutputFile::create(path.string());
  if (!file) return file.error();
  if (const Status written = file->write(bytes); !written) return written;
  return file->commit();
}

std::span<const uint8_t> bytes_of(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

// A file and, if it is text and the like, beside it the same by gzip, NAME.gz, which many servers send
// instead.
Status write_for_web(const fs::path& path, std::span<const uint8_t> bytes) {
  if (const Status written = write_file(path, bytes); !written) return written;
  if (!serve::is_compressible(serve::type_of_ending(serve::ending_of(path.string())))) return {};
  return write_file(path.string() + ".gz", serve::gzipped(bytes));
}

// The whole of a file in memory. Error: kIo.
Result<std::vector<uint8_t>> read_file(const fs::path& path) {
  const auto file = serve::open_file(path.string());
  if (file == nullptr) return Error{ErrorCode::kIo, path.string() + ": cannot be read"};
  auto bytes = file->first(file->size());
  if (!bytes) return Error{bytes.error().code, fmt::format("{}: {}", path.string(), bytes.error().message)};
  return bytes;
}

// All that decides about the bytes of an encoded file, or whether there is one, beside the picture. The
// program's version is among it: another one may encode differently.
std::string settings_of(const PublishOptions& options, const compass_model* model) {
  uint8_t id[8];
  compass_model_id(model, id);
  return fmt::format("compass {}, model {}, quality {}, layers {}, effort {}, precision {}{}{}",
                     compass_version(), id_text(id), options.quality,
                     options.layers ? std::to_string(*options.layers) : "for pages",
                     options.effort ? std::to_string(*options.effort) : "default",
                     options.common.exact ? "exact" : options.common.precision,
                     options.keep_metadata ? ", with metadata" : "", options.common.strict ? ", strict" : "");
}

}  // namespace

Publisher::Publisher(const PublishOptions& options, const std::vector<std::string>& models,
                     const compass_model* model, const compass_options& codec, EncoderHandle encoder)
    : options_(options),
      codec_(codec),
      encoder_(std::move(encoder)),
      models_(models),
      settings_(settings_of(options, model)) {}

Result<Origin> Publisher::origin(const PublishedFile& file) const {
  return origin_of(file, file.is_cmps ? kCopied : settings_);
}

// What the manifest is to say of a file. Errors: it is none, or its model is not here.
Result<PublishedPicture> Publisher::examined(const PublishedFile& file, std::span<const uint8_t> bytes,
                                             Origin origin) {
  ContainerLimits limits;
  limits.max_pixels = codec_.max_pixels;
  const auto parsed = parse_header(bytes, limits);
  if (!parsed)
    return Error{parsed.error().code, fmt::format("{}: {}", file.source.string(), parsed.error().message)};
  if (!parsed->header) return Error{ErrorCode::kBadFile, file.source.string() + ": ends within the header"};
  const std::string decoder = to_string(parsed->header->decoder);
  if (models_.find(decoder, serve::kBasePiece).body == nullptr) {
    return Error{ErrorCode::kModel,
                 fmt::format("{} needs decoder {}: name the model that made it with --model or put it "
                             "in COMPASS_MODEL_PATH",
                             file.source.string(), decoder)};
  }
  return PublishedPicture{file.name, bytes.size(), *parsed->header, std::move(origin)};
}

// The picture, if an earlier run has made its file of the same with the same, and the file is still there.
// Times are compared for equality: a picture that another one replaces may well have an older one.
std::optional<PublishedPicture> Publisher::kept(const PublishedFile& file,
                                                const std::map<std::string, ListedFile>& listed) {
  Result<Origin> now = origin(file);
  if (!now) return std::nullopt;
  const auto found = listed.find(now->source);
  if (found == listed.end() || found->second.origin != *now) return std::nullopt;
  const auto bytes = read_file(out() / file.name);
  if (!bytes || bytes->size() != found->second.bytes) return std::nullopt;
  Result<PublishedPicture> picture = examined(file, *bytes, *std::move(now));
  if (!picture) return std::nullopt;
  return *std::move(picture);
}

// Takes over what need not be made again, and returns the rest.
std::vector<PublishedFile> Publisher::keep(const std::vector<PublishedFile>& files) {
  const std::map<std::string, ListedFile> listed = files_of_manifest(manifest());
  std::vector<PublishedFile> rest;
  for (const PublishedFile& file : files) {
    if (std::optional<PublishedPicture> picture = kept(file, listed)) {
      pictures_.push_back(*std::move(picture));
    } else {
      rest.push_back(file);
    }
  }
  return rest;
}

Result<std::vector<uint8_t>> Publisher::encoded(const PublishedFile& file) {
  const ReadSettings read{.strict = options_.common.strict,
                          .kinds = true,
                          .max_pixels = codec_.max_pixels,
                          .max_memory = codec_.max_memory};
  Result<Photo> photo = read_image(file.source.string(), read);
  if (!photo) return photo.error();
  for (const std::string& note : photo->notes) warn(file.source.string() + ": " + note, options_.common);
  const auto scales = options_.layers ? default_scales(*options_.layers) : page_scales(photo->size());
  const auto sizes = sizes_from_scales(photo->size(), scales);
  if (!sizes) return sizes.error();
  compass_encode_settings settings;
  compass_encode_settings_init(&settings);
  settings.quality = options_.quality;
  settings.effort = options_.effort.value_or(COMPASS_EFFORT_DEFAULT);
  PhotoEncoding encoding(*photo, !options_.keep_metadata);
  encoding.describe(*sizes, settings);
  const Result<OwnedBytes> coded = encoding.encode(encoder_.get(), settings);
  if (!coded) {
    return Error{coded.error().code, fmt::format("{}: {}", file.source.string(), coded.error().message)};
  }
  return std::vector<uint8_t>((*coded)->data, (*coded)->data + (*coded)->size);
}

// The bytes of a file, not yet written. Errors are those of its source.
Result<Publisher::Made> Publisher::made(const PublishedFile& file) {
  // Asked before the picture is read: one that changes meanwhile is made again by the next run.
  Result<Origin> now = origin(file);
  if (!now) return now.error();
  auto bytes = file.is_cmps ? read_file(file.source) : encoded(file);
  if (!bytes) return bytes.error();
  Result<PublishedPicture> picture = examined(file, *bytes, *std::move(now));
  if (!picture) return picture.error();
  return Made{*std::move(bytes), *std::move(picture)};
}

// Writes a file. Errors are those of the published folder.
Status Publisher::put(Made made) {
  if (const Status written = write_file(out() / made.picture.name, made.bytes); !written) return written;
  const auto place = std::ranges::lower_bound(pictures_, made.picture.name, {}, &PublishedPicture::name);
  pictures_.insert(place, std::move(made.picture));
  ++made_;
  return {};
}

Status Publisher::write_manifest() const {
  return write_file(manifest(), bytes_of(manifest_of(pictures_)));
}

// What cannot be encoded is left out and listed; where nothing can be written, all ends. A manifest is on the
// disk all the time, and names only files that are as it says, wherever the run is interrupted: first it
// forgets what is about to be replaced, then it is told what was made.
Status Publisher::publish(const std::vector<PublishedFile>& files) {
  const std::vector<PublishedFile> rest = keep(files);
  if (rest.empty()) return {};
  if (const Status written = write_manifest(); !written) return written;
  const size_t interval = 1 + rest.size() / kManifestWrites;
  ProgressBar progress("publishing", options_.common.quiet);
  const Progress told = progress.callback();
  for (size_t i = 0; i < rest.size(); ++i) {
    if (told) told(static_cast<double>(i) / static_cast<double>(rest.size()));
    Result<Made> file = made(rest[i]);
    if (!file) {
      warn(file.error().message, options_.common);
      failures_.push_back(file.error().message);
      continue;
    }
    if (const Status written = put(*std::move(file)); !written) return written;
    if (made_ % interval != 0) continue;
    if (const Status written = write_manifest(); !written) return written;
  }
  return {};
}

// Of each model that a picture takes what decodes, in its two pieces.
Status Publisher::write_models() {
  std::set<std::string> decoders;
  for (const PublishedPicture& picture : pictures_) decoders.insert(to_string(picture.header.decoder));
  for (const std::string& decoder : decoders) {
    for (const char* name : {serve::kBasePiece, serve::kUpperPiece}) {
      const auto [body, tag] = models_.find(decoder, name);
      if (body == nullptr) continue;  // it decodes base layers alone
      std::vector<uint8_t> bytes(body->size());
      body->read(0, bytes.data(), bytes.size());
      const fs::path path = out() / "compass" / serve::kPageModelFolder / decoder / name;
      if (const Status written = write_file(path, bytes); !written) return written;
    }
  }
  return {};
}

// What pages need beside their pictures: scripts, module and models.
Status Publisher::write_parts() {
  const std::string web = serve::installed_web_folder();
  const fs::path parts = out() / "compass";
  std::error_code error;
  for (const fs::directory_entry& part : fs::directory_iterator(web, error)) {
    // Compressed ones are made here. Pages of pictures encode none.
    const std::string name = part.path().filename().string();
    if (!part.is_regular_file(error) || name.ends_with(".gz") || name.starts_with(kEncoderModule)) continue;
    const auto bytes = read_file(part.path());
    if (!bytes) return bytes.error();
    if (const Status written = write_for_web(parts / part.path().filename(), *bytes); !written)
      return written;
  }
  if (error) return Error{ErrorCode::kIo, fmt::format("{}: {}", web, error.message())};
  return write_models();
}

// The manifest once more: it may lack what was made last, and list what the folder no longer has.
Status Publisher::write_pages() {
  if (const Status written = write_parts(); !written) return written;
  std::error_code error;
  fs::path folder = fs::absolute(options_.folder, error).lexically_normal();
  if (!folder.has_filename()) folder = folder.parent_path();
  const std::string title = options_.title.empty() ? folder.filename().string() : options_.title;
  if (const Status written = write_for_web(out() / "index.html", bytes_of(index_of(title, pictures_)));
      !written)
    return written;
  if (const Status written = write_file(out() / "snippet.html", bytes_of(snippet_of(pictures_))); !written)
    return written;
  return write_manifest();
}

Status Publisher::report() const {
  uint64_t bytes = 0;
  for (const PublishedPicture& picture : pictures_) bytes += picture.bytes;
  Status printed;
  if (options_.common.json) {
    printed = print_json({{"input", options_.folder},
                          {"output", options_.output},
                          {"pictures", pictures_.size()},
                          {"made", made_},
                          {"bytes", bytes},
                          {"failures", failures_}});
  } else if (!options_.common.quiet) {
    printed = print_report(fmt::format("{} to {}: {} pictures ({} made now), {} bytes\n",
                                       plain_line(options_.folder), plain_line(options_.output),
                                       pictures_.size(), made_, bytes));
  }
  if (!printed || failures_.empty()) return printed;
  return Error{ErrorCode::kFailure, fmt::format("{} of {} pictures could not be published", failures_.size(),
                                                failures_.size() + pictures_.size())};
}

}  // namespace compass::tools
