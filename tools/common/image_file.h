// Photos in and pictures out.
#pragma once

#include <future>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "core/result.h"
#include "image/image.h"
#include "output_file.h"
#include "photo.h"
#include "picture_view.h"

namespace compass::tools {

// Reads JPEG, PNG, WebP, TIFF, GIF, HEIF, AVIF, JPEG XL, JPEG 2000 and PNM (docs/command.md says which of
// them, exactly), from a path or "-" (standard input), in a process of its own (read_process.h). Orientation
// tags are applied, embedded profiles and other colour spaces become sRGB, grey becomes RGB. Samples are
// rounded to 8 bits, alpha is laid over white, but for what `settings` keep; with `strict` both are refused.
// Errors: kIo (cannot be read), kBadFile (not a picture, damaged, over a limit, or refused by `strict`),
// kFailure (out of memory).
Result<Photo> read_image(const std::string& path, const ReadSettings& settings = {});

// What was dropped or changed, a line each.
using Notes = std::vector<std::string>;

// The format to write to `path`: `format` if not empty, else the path's extension, else PPM for what is
// written directly ("-", pipes, devices; see output_file.h). The result is a file name ending such as ".png".
// Errors: kUsage, listing the choices.
Result<std::string> choose_format(const std::string& path, const std::string& format);

// How a picture goes into a file of that format: as much of what it is as the format takes, samples of
// `bits` (8 or 16; unset: of more than 8 if the picture has them). Errors: kUsage (16 bits that the format
// does not have).
Result<FileSamples> file_samples(const std::string& format, const PictureView& picture,
                                 std::optional<int> bits);
// The format's name in messages, and whether it has them.
bool takes_16_bits(const std::string& format);

// Whether a picture may have that size in that format, as far as formats state a limit. Errors: kFailure.
Status check_size(const std::string& format, Size size);

// Loads what writing that format takes, in the background; `path` is for messages. Errors: kUsage (this
// libvips cannot write it; lists what it can), kFailure (libvips does not start).
std::future<Status> prepare_format(const std::string& path, const std::string& format);

// Writes a picture in that format (lossy ones at quality 95), with the Exif and XMP of `metadata` where the
// format has a place for them, and commits the file. What of them the format does not take is left out and
// said in the notes. Holds a few rows at a time beside the picture; but where bytes are written directly,
// what is not PPM is collected in memory first, since some formats go back to fill in what comes early.
// Errors: kIo, kFailure (too large for the format, among others).
Result<Notes> write_image(const PictureView& picture, const FileSamples& samples, const std::string& format,
                          OutputFile& file, std::span<const MetadataChunk> metadata = {});
// The same of 8-bit RGB.
Result<Notes> write_image(const Rgb8View& image, const std::string& format, OutputFile& file);
// The same of a float picture, rounded.
Result<Notes> write_image(const Image& image, const std::string& format, OutputFile& file);

}  // namespace compass::tools
