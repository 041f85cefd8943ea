// Versions, failures, options, threads: what all parts of the C interface share.
#include <cstdlib>

#include "api/internal.h"

namespace compass::api {
namespace {

compass_status status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kUsage:
      return COMPASS_USAGE;
    case ErrorCode::kBadFile:
      return COMPASS_BAD_FILE;
    case ErrorCode::kDamaged:
      return COMPASS_DAMAGED;
    case ErrorCode::kModel:
      return COMPASS_MODEL;
    case ErrorCode::kIo:
      return COMPASS_IO;
    case ErrorCode::kNeed:
      return COMPASS_NEED;
    case ErrorCode::kCancelled:
      return COMPASS_CANCELLED;
    case ErrorCode::kFailure:
      break;
  }
  return COMPASS_FAILURE;
}

}  // namespace

compass_status fail(compass_status status, const char* message, compass_error* error) {
  if (error != nullptr) {
    const size_t length = std::min(std::strlen(message), sizeof error->message - 1);
    std::memcpy(error->message, message, length);
    error->message[length] = '\0';
  }
  return status;
}

compass_status fail(const Error& cause, compass_error* error) {
  return fail(status_of(cause.code), cause.message.c_str(), error);
}

namespace {

Result<Precision> precision_of(const compass_options& options) {
  int value = 0;  // the caller may have put any number there, which is not one of the enumeration's
  static_assert(sizeof options.precision == sizeof value);
  std::memcpy(&value, &options.precision, sizeof value);
  switch (value) {
    case COMPASS_AUTO:
      return Precision::kAuto;
    case COMPASS_F32:
      return Precision::kF32;
    case COMPASS_BF16:
      return Precision::kBF16;
    case COMPASS_EXACT:
      return Precision::kExact;
    default:
      return usage(fmt::format(
          "precision {} is none of COMPASS_AUTO, COMPASS_F32, COMPASS_BF16, COMPASS_EXACT", value));
  }
}

}  // namespace

Result<CodecOptions> codec_options(const compass_options* given) {
  static_assert(COMPASS_MAX_THREADS == kMaxThreads);
  const auto options =
      with_defaults(given, compass_options_init,
                    offsetof(compass_options, threads) + sizeof(compass_options::threads), "compass_options");
  if (!options) return options.error();
  if (options->threads < 0 || options->threads > kMaxThreads) {
    return usage(
        fmt::format("threads {} is not 1 to {}, or 0 for one per core", options->threads, kMaxThreads));
  }
  const auto precision = precision_of(*options);
  if (!precision) return precision.error();
  CodecOptions out;
  out.threads = options->threads;
  if (options->shared_threads != nullptr) out.pool = options->shared_threads->pool;
  out.precision = *precision;
  out.max_pixels = options->max_pixels;
  out.max_memory = options->max_memory;
  return out;
}

Progress progress_of(compass_progress progress, void* user) {
  if (progress == nullptr) return {};
  return [progress, user](double done) { return progress(user, done) == 0; };
}

Result<CallbackSource::Read> read_of(const compass_source& given) {
  const auto source =
      with_defaults(&given, compass_source_init,
                    offsetof(compass_source, user) + sizeof(compass_source::user), "compass_source");
  if (!source) return source.error();
  if (source->read == nullptr) return usage("source: read must not be NULL");
  return CallbackSource::Read([source = *source](uint64_t offset, std::span<uint8_t> out) -> Result<size_t> {
    const int64_t got = source.read(source.user, offset, out.data(), out.size());
    if (got >= 0 && static_cast<uint64_t>(got) <= out.size()) return static_cast<size_t>(got);
    return Error{ErrorCode::kIo, fmt::format("reading {} bytes at {} failed", out.size(), offset)};
  });
}

std::string joined(const std::vector<std::string>& damage) {
  std::string all;
  for (const std::string& line : damage) all += (all.empty() ? "" : "; ") + line;
  return all;
}

void* allocate(size_t bytes) {
  void* memory = std::malloc(std::max<size_t>(1, bytes));
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void fill_bytes(std::span<const uint8_t> from, compass_bytes* bytes) {
  bytes->data = static_cast<uint8_t*>(allocate(from.size()));
  bytes->size = from.size();
  std::ranges::copy(from, bytes->data);
}

}  // namespace compass::api

using namespace compass::api;

const char* compass_version(void) {
  return COMPASS_VERSION;
}

int compass_version_number(void) {
  return COMPASS_VERSION_NUMBER;
}

compass_status compass_threads_create(int count, compass_threads** threads, compass_error* error) {
  if (threads == nullptr) return missing("threads must not be NULL", error);
  *threads = nullptr;
  return guarded(error, [&] {
    if (count < 0 || count > compass::kMaxThreads) {
      return fail(usage(fmt::format("{} threads are not 1 to {}, or 0 for one per core", count,
                                    compass::kMaxThreads)),
                  error);
    }
    *threads = new compass_threads{std::make_shared<compass::ThreadPool>(count)};
    return COMPASS_OK;
  });
}

void compass_threads_free(compass_threads* threads) {
  delete threads;
}

void compass_options_init(compass_options* options) {
  if (options == nullptr) return;
  *options = {sizeof *options, 0, COMPASS_AUTO, compass::CodecOptions{}.max_pixels, 0, nullptr};
}

void compass_source_init(compass_source* source) {
  if (source != nullptr) *source = {sizeof *source, nullptr, nullptr};
}

void compass_bytes_free(compass_bytes* bytes) {
  if (bytes == nullptr) return;
  std::free(bytes->data);
  *bytes = {nullptr, 0};
}
