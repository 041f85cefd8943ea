// The protocol by which the process that reads a picture (read_picture_main.cc) answers the command over a
// pipe. The command does not trust the answer: a hostile picture may have taken over the process.
//
// A stream of messages: a kind (one byte), the length of what follows (four bytes, little-endian), the
// content.
//   'H'  width, height (four bytes each), orientation (one byte, 1..8): of the picture as it is stored;
//        its kinds (one byte: 1 alpha, 2 grey, 4 deep, 8 own colours)
//   'M'  a metadata chunk: type (four bytes) and bytes
//   'R'  whole rows from the top on: RGB, or RGB and alpha; 8 bits a sample, or of deep pictures 16,
//        little-endian
//   'N'  a note
//   'E'  an error: its ErrorCode (one byte) and message; the last message
//   '.'  all is well; the last message
// H comes first, M before R. E may come at any time.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "common/photo.h"
#include "core/result.h"

namespace compass::tools::images {

// The sending side. Calls return false if the pipe has no reader any more.
class PhotoSender {
 public:
  using Write = std::function<bool(std::span<const uint8_t>)>;
  explicit PhotoSender(Write write) : write_(std::move(write)) {}

  // `orientation`: Exif 2.3, tag 274: 1..8.
  bool header(Size stored, int orientation, const PictureKinds& kinds = {});
  bool metadata(const MetadataChunk& chunk);
  bool rows(std::span<const uint8_t> samples);
  bool note(const std::string& note);
  bool finish();
  bool error(const Error& error);

 private:
  bool message(char kind, std::span<const uint8_t> first, std::span<const uint8_t> rest = {});

  Write write_;
};

// Fills as much of the span as there is, and says how much that was: less only at the end.
using PhotoSource = std::function<size_t(std::span<uint8_t>)>;

// The receiving side: the photo, upright, or the sender's error; nothing if the stream breaks off or breaks a
// rule. Accepts pictures of up to `max_pixels` and allocates no more than they take, 64 KiB beyond what came
// for everything else. Texts come back as one printable line. Throws std::bad_alloc.
std::optional<Result<Photo>> receive_photo(const PhotoSource& source, uint64_t max_pixels);

}  // namespace compass::tools::images
