// A picture that is opened: its header is read, its rows are decoded as they are asked for.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/size.h"
#include "format.h"
#include "vips_handle.h"

namespace compass::tools::images {

using VipsImageHandle = Handle<VipsImage>;

// The rows of a picture, from the top on.
class RowReader {
 public:
  RowReader() = default;
  RowReader(const RowReader&) = delete;
  RowReader& operator=(const RowReader&) = delete;
  virtual ~RowReader() = default;

  // Decodes the next row into `out`. Errors: kBadFile; the message is the reason alone.
  virtual Status read_row(uint8_t* out) = 0;

  // Remembers why a row could not be read, for a message.
  void fail(int row, Error error) { failure_ = Failure{row, std::move(error)}; }
  struct Failure {
    int row;
    Error error;
  };
  const std::optional<Failure>& failure() const { return failure_; }

  // After the last row: what of the rest of the file the user should know. Errors: as above.
  virtual Result<std::vector<std::string>> finish() { return std::vector<std::string>(); }

 private:
  std::optional<Failure> failure_;
};

// `image` and what it lives from.
struct PictureSource {
  std::unique_ptr<RowReader> rows;  // null where libvips does it all
  VipsImageHandle image;            // to be read from the top on
  std::vector<std::string> notes;   // known from the header; lost alpha, depth and pages are not among them
};

// Each takes the whole file and refuses more than `max_pixels` before it decodes anything. Errors: kBadFile,
// kFailure (out of memory).
Result<PictureSource> open_jpeg(std::span<const uint8_t> bytes, uint64_t max_pixels);
Result<PictureSource> open_jp2(std::span<const uint8_t> bytes, uint64_t max_pixels);
Result<PictureSource> open_pnm(std::span<const uint8_t> bytes, uint64_t max_pixels);
// All others, by libvips.
Result<PictureSource> open_by_vips(std::span<const uint8_t> bytes, Format format, uint64_t max_pixels);

// A picture that is no use, and why: "cannot be read as a picture: ...".
Error not_a_picture(const std::string& reason);

// Errors: kBadFile if a side is not 1 to what libvips takes, or there are more than `max_pixels`.
Status check_size(int64_t width, int64_t height, uint64_t max_pixels);

// How samples of a RowReader are laid out: `bands` of 8 or 16 bits, interleaved.
struct RowLayout {
  Size size;
  int bands = 0;
  bool deep = false;  // 16 bits, in the machine's byte order
  VipsInterpretation space = VIPS_INTERPRETATION_sRGB;
};

// A picture whose rows come from `rows`, with the metadata of `header` if that is not null.
VipsImageHandle image_of_rows(const RowLayout& layout, VipsImage* header, RowReader& rows);

}  // namespace compass::tools::images
