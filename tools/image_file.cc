#include "image_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "core/background.h"
#include "image_module.h"
#include "read_process.h"

namespace compass::tools {
namespace {

// File name endings offered.
constexpr std::array<std::string_view, 11> kFormats = {".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff",
                                                       ".ppm", ".jxl", ".jp2",  ".avif", ".heic"};
constexpr std::string_view kPpm = ".ppm";

// Netpbm's format needs no library; it has no place for metadata.
Status write_ppm(const Rgb8View& image, OutputFile& file) {
  const std::string header = fmt::format("P6\n{} {}\n255\n", image.size.width, image.size.height);
  const auto* start = reinterpret_cast<const uint8_t*>(header.data());
  if (const Status written = file.write({start, header.size()}); !written) return written;
  for (int y = 0; y < image.size.height; ++y) {
    const Status written = file.write({image.row(y), static_cast<size_t>(image.size.width) * 3});
    if (!written) return written;
  }
  return file.commit();
}

class FileSink : public ByteSink {
 public:
  explicit FileSink(OutputFile& file) : file_(file) {}
  Status write(std::span<const uint8_t> bytes) override { return file_.write(bytes); }
  int64_t seek(int64_t offset, int whence) override { return file_.seek(offset, whence); }
  int64_t read(std::span<uint8_t> out) override { return file_.read(out); }

 private:
  OutputFile& file_;
};

Error unknown_format(const std::string& path, std::string_view ending,
                     const std::vector<std::string_view>& choices) {
  return {ErrorCode::kUsage,
          fmt::format("{}: no picture format by the name '{}'; choose one of {}, or --format", path, ending,
                      fmt::join(choices, " "))};
}

}  // namespace

Result<Photo> read_image(const std::string& path, const ReadSettings& settings) {
  return read_in_process(path, settings);
}

Result<std::string> choose_format(const std::string& path, const std::string& format) {
  std::string ending = format.empty() ? std::string(kPpm) : "." + format;
  if (format.empty() && path != "-") {
    const size_t dot = path.rfind('.');
    const bool none = dot == std::string::npos || path.find('/', dot) != std::string::npos;
    ending = none ? "" : path.substr(dot);
  }
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (std::find(kFormats.begin(), kFormats.end(), ending) == kFormats.end())
    return unknown_format(path, ending, {kFormats.begin(), kFormats.end()});
  if (path == "-" && ending.starts_with(".tif")) {
    return Error{ErrorCode::kUsage, "TIFF cannot be written to a pipe; choose --format ppm or png"};
  }
  return ending;
}

std::future<Status> prepare_format(const std::string& path, const std::string& format) {
  return in_background([path, format]() -> Status {
    if (format == kPpm) return {};
    const Result<const ImageModule*> module = image_module();
    if (!module) return module.error();
    if ((*module)->can_write(format)) return {};
    std::vector<std::string_view> choices;
    for (const std::string_view known : kFormats) {
      if (known == kPpm || (*module)->can_write(std::string(known))) choices.push_back(known);
    }
    return unknown_format(path, format, choices);
  });
}

Status write_image(const Image& image, const std::string& format, OutputFile& file) {
  Rgb8Image bytes(image.size());
  to_rgb8(image, bytes.bytes);
  return write_image(bytes.view(), format, file);
}

Status write_image(const Rgb8View& image, const std::string& format, OutputFile& file,
                   std::span<const MetadataChunk> metadata) {
  if (format == kPpm) return write_ppm(image, file);
  const Result<const ImageModule*> module = image_module();
  if (!module) return module.error();
  FileSink sink(file);
  if (Status written = (*module)->write_image(image, format, sink, metadata); !written) return written;
  return file.commit();
}

}  // namespace compass::tools
