#include "image_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cctype>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "core/background.h"
#include "descriptors.h"
#include "image_module.h"
#include "input_file.h"
#include "memory_sink.h"
#include "read_process.h"

namespace compass::tools {
namespace {

// File name endings, offered where the installed libvips writes them.
constexpr std::array<std::string_view, 12> kFormats = {".png", ".jpg", ".jpeg", ".webp", ".tif",  ".tiff",
                                                       ".ppm", ".pam", ".jxl",  ".jp2",  ".avif", ".heic"};
constexpr std::string_view kPpm = ".ppm";
constexpr std::string_view kPam = ".pam";

// Netpbm's, which we write ourselves.
bool is_netpbm(std::string_view format) {
  return format == kPpm || format == kPam;
}

// Netpbm's format needs no library; it has no place for metadata.
Status write_netpbm(const PictureView& picture, const FileSamples& samples, bool pam, OutputFile& file) {
  const Size size = picture.size();
  const int most = samples.deep ? 65535 : 255;
  std::string header =
      fmt::format("{}\n{} {}\n{}\n", samples.grey ? "P5" : "P6", size.width, size.height, most);
  if (pam) {
    header = fmt::format("P7\nWIDTH {}\nHEIGHT {}\nDEPTH {}\nMAXVAL {}\nTUPLTYPE {}{}\nENDHDR\n", size.width,
                         size.height, samples.bands(), most, samples.grey ? "GRAYSCALE" : "RGB",
                         samples.alpha ? "_ALPHA" : "");
  }
  const auto* start = reinterpret_cast<const uint8_t*>(header.data());
  if (const Status written = file.write({start, header.size()}); !written) return written;
  std::vector<uint8_t> row(samples.pixel_bytes() * static_cast<size_t>(size.width));
  for (int y = 0; y < size.height; ++y) {
    fill_row(picture, samples, 0, y, size.width, row.data());
    if (samples.deep && std::endian::native == std::endian::little) {  // the format's are big-endian
      for (size_t i = 0; i < row.size(); i += 2) std::swap(row[i], row[i + 1]);
    }
    if (const Status written = file.write(row); !written) return written;
  }
  return file.commit();
}

class FileSink : public ByteSink {
 public:
  explicit FileSink(OutputFile& file) : file_(file) {}
  Status write(std::span<const uint8_t> bytes) override { return file_.write(bytes); }
  int64_t seek(int64_t offset, int whence) override { return file_.seek(offset, whence); }
  int64_t read(std::span<uint8_t> out) override { return file_.read(out); }
  Status restart() override { return file_.restart(); }

 private:
  OutputFile& file_;
};

// PPM, and what libvips writes; PPM alone where the module is missing.
std::vector<std::string_view> writable_formats() {
  const Result<const ImageModule*> module = image_module();
  std::vector<std::string_view> formats;
  for (const std::string_view known : kFormats) {
    if (is_netpbm(known) || (module && (*module)->can_write(std::string(known)))) formats.push_back(known);
  }
  return formats;
}

// `ending` as in ".png", of a name or of --format.
Error unknown_format(const std::string& path, std::string_view ending, bool is_option) {
  const std::string known = fmt::format("{}", fmt::join(writable_formats(), " "));
  if (is_option) {
    return {ErrorCode::kUsage, fmt::format("--format: no picture format by the name '{}'; choose one of {}",
                                           ending.substr(1), known)};
  }
  const std::string what = ending.empty() ? "the name has no ending, which says the format"
                                          : fmt::format("no picture format by the name '{}'", ending);
  return {ErrorCode::kUsage, fmt::format("{}: {}; choose one of {}, or say --format", path, what, known)};
}

// Whether the path is written directly, so that its name says nothing of its contents.
bool streams(const std::string& path) {
  if (path == "-" || named_descriptor(path)) return true;
  const std::optional<FileIdentity> there = identity(path);
  return there && !S_ISREG(there->mode) && !S_ISDIR(there->mode);
}

// The longest side that a format has room for, or that its writers take.
int longest_side(const std::string& format) {
  if (format == ".jpg" || format == ".jpeg") return 65'500;   // libjpeg's, just below the format's
  if (format == ".webp") return 16'383;                       // 14 bits
  if (format == ".avif" || format == ".heic") return 16'384;  // libheif reads no larger ones
  return std::numeric_limits<int>::max();
}

}  // namespace

Result<Photo> read_image(const std::string& path, const ReadSettings& settings) {
  if (const Status good = check_standard_input(path); !good) return good.error();
  return read_in_process(path, settings);
}

Result<std::string> choose_format(const std::string& path, const std::string& format) {
  std::string ending = format.empty() ? std::string(kPpm) : "." + format;
  if (format.empty() && path != "-") {
    if (const Status good = check_no_directory(path); !good)
      return good.error();  // before its name is blamed
    const size_t dot = path.rfind('.');
    const bool none = dot == std::string::npos || path.find('/', dot) != std::string::npos;
    if (!none) ending = path.substr(dot);
    if (none && !streams(path)) ending.clear();
  }
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (std::find(kFormats.begin(), kFormats.end(), ending) == kFormats.end())
    return unknown_format(path, ending, !format.empty());
  return ending;
}

Status check_size(const std::string& format, Size size) {
  const int longest = longest_side(format);
  if (size.width <= longest && size.height <= longest) return {};
  return Error{
      ErrorCode::kFailure,
      fmt::format("{}x{} is too large for the format {}, whose pictures have at most {} pixels a side; "
                  "choose another format or a smaller picture",
                  size.width, size.height, format, longest)};
}

std::future<Status> prepare_format(const std::string& path, const std::string& format) {
  return in_background([path, format]() -> Status {
    if (is_netpbm(format)) return {};
    const Result<const ImageModule*> module = image_module();
    if (!module) return module.error();
    return (*module)->can_write(format) ? Status() : unknown_format(path, format, false);
  });
}

Result<Notes> write_image(const Image& image, const std::string& format, OutputFile& file) {
  Rgb8Image bytes(image.size());
  to_rgb8(image, bytes.samples);
  return write_image(bytes.view(), format, file);
}

bool takes_16_bits(const std::string& format) {
  return format != ".jpg" && format != ".jpeg" && format != ".webp";
}

Result<FileSamples> file_samples(const std::string& format, const PictureView& picture,
                                 std::optional<int> bits) {
  const bool jpeg = format == ".jpg" || format == ".jpeg";
  if (bits == 16 && !takes_16_bits(format)) {
    return Error{
        ErrorCode::kUsage,
        fmt::format(
            "--bits: samples in {} have 8 bits; choose PNG, TIFF, PPM, PAM, JPEG XL or JPEG 2000 for 16",
            format)};
  }
  FileSamples samples;
  samples.alpha = !picture.alpha.empty() && !jpeg && format != kPpm;
  // HEIF's and JPEG 2000's readers and writers are surest with three colours.
  samples.grey =
      picture.grey && format != ".webp" && format != ".heic" && format != ".avif" && format != ".jp2";
  samples.deep = picture.is_deep() && bits != 8 && takes_16_bits(format);
  return samples;
}

Result<Notes> write_image(const Rgb8View& image, const std::string& format, OutputFile& file) {
  return write_image(PictureView(image), FileSamples(), format, file);
}

namespace {

// What of the picture the file does not have.
Notes losses(const PictureView& picture, const FileSamples& samples, const std::string& format) {
  Notes notes;
  if (!picture.alpha.empty() && !samples.alpha) {
    notes.push_back(fmt::format("{} has no place for alpha: the picture is laid over white", format));
  }
  return notes;
}

}  // namespace

Result<Notes> write_image(const PictureView& picture, const FileSamples& samples, const std::string& format,
                          OutputFile& file, std::span<const MetadataChunk> metadata) {
  if (const Status fits = check_size(format, picture.size()); !fits) return fits.error();
  Notes lost = losses(picture, samples, format);
  if (is_netpbm(format)) {
    const Status written = write_netpbm(picture, samples, format == kPam, file);
    return written ? Result<Notes>(lost) : written.error();
  }
  const Result<const ImageModule*> module = image_module();
  if (!module) return module.error();
  FileSink straight(file);
  MemorySink collected;
  ByteSink& sink = file.is_direct() ? static_cast<ByteSink&>(collected) : straight;
  Result<Notes> notes = (*module)->write_image(picture, samples, format, sink, metadata);
  if (!notes) return notes.error();
  notes->insert(notes->begin(), lost.begin(), lost.end());
  if (const Status passed_on = file.write(collected.bytes()); !passed_on) return passed_on.error();
  if (const Status committed = file.commit(); !committed) return committed.error();
  return notes;
}

}  // namespace compass::tools
