// What the files of the C interface share: handles, failures, structs that may be shorter or longer than
// ours.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <exception>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "compass/compass.h"
#include "core/result.h"
#include "core/size.h"
#include "core/thread_pool.h"
#include "model_file/model.h"

struct compass_model {
  std::shared_ptr<const compass::Model> model;
};

struct compass_threads {
  std::shared_ptr<compass::ThreadPool> pool;
};

struct compass_encoder {
  compass::Encoder encoder;
};

struct compass_decoder {
  std::shared_ptr<compass::Decoder> decoder;  // its readers', too
  std::vector<std::string> damage{};          // what its last picture lost
};

namespace compass::api {

compass_status fail(compass_status status, const char* message, compass_error* error);
compass_status fail(const Error& cause, compass_error* error);

// A pointer that `what` says must not be NULL.
inline compass_status missing(const char* what, compass_error* error) {
  return fail(COMPASS_USAGE, what, error);
}

inline Error usage(std::string message) {
  return {ErrorCode::kUsage, std::move(message)};
}

// Runs `body`, which returns a compass_status; no exception passes.
template <typename Body>
compass_status guarded(compass_error* error, Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(COMPASS_NO_MEMORY, "out of memory", error);
  } catch (const std::exception& exception) {
    return fail(COMPASS_FAILURE, exception.what(), error);
  } catch (...) {
    return fail(COMPASS_FAILURE, "unknown failure", error);
  }
}

// The caller's struct, which an older or newer header may have laid out shorter or longer, over the defaults.
// `least` is where the first setting ends. Errors: kUsage, if the size cannot be that of any header's struct.
template <typename Struct>
Result<Struct> with_defaults(const Struct* given, void (*init)(Struct*), size_t least, const char* name) {
  constexpr size_t kMost = 4096;  // no struct of this interface will ever be longer
  Struct settings;
  init(&settings);
  if (given == nullptr) return settings;
  if (given->struct_size < least || given->struct_size > kMost) {
    return usage(fmt::format("{0}: struct_size is {1}: fill the struct in with {0}_init first", name,
                             given->struct_size));
  }
  std::memcpy(static_cast<void*>(&settings), given, std::min(given->struct_size, sizeof settings));
  return settings;
}

// Writes a result to the caller's struct, as much of it as that has. Error: kUsage, as above.
template <typename Struct>
Status give(Struct value, Struct* out, size_t least, const char* name) {
  const auto known = with_defaults(
      out, +[](Struct*) {}, least, name);
  if (!known) return known.error();
  value.struct_size = out->struct_size;
  std::memcpy(static_cast<void*>(out), &value, std::min(out->struct_size, sizeof value));
  return {};
}

Result<CodecOptions> codec_options(const compass_options* given);
Result<DecodeSettings> decode_settings(const compass_decode_settings* wish);
Progress progress_of(compass_progress progress, void* user);

// Where a file is read from. Error: kUsage.
Result<CallbackSource::Read> read_of(const compass_source& given);
// Lines of damage as one.
std::string joined(const std::vector<std::string>& damage);

// Memory that compass_bytes_free and compass_picture_free free. Throws std::bad_alloc.
void* allocate(size_t bytes);
void fill_bytes(std::span<const uint8_t> from, compass_bytes* bytes);

int flags_of(const PictureKinds& kinds);
// A header, whatever the size of its picture, as the caller sees it.
void fill_info(const ContainerHeader& header, compass_info* info);

// Whether rows of `width` pixels of so many bytes that lie `stride` apart can be told from each other, and be
// in memory at all.
inline bool is_possible(Size size, size_t stride, size_t pixel_bytes) {
  const size_t row = static_cast<size_t>(size.width) * pixel_bytes;
  const auto most = static_cast<size_t>(std::numeric_limits<ptrdiff_t>::max());
  return stride >= row &&
         (size.height == 1 || stride <= (most - row) / (static_cast<size_t>(size.height) - 1));
}

}  // namespace compass::api
