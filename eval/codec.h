// The interface of an evaluated codec, ours or another.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "eval/picture.h"

namespace compass::eval {

// One layer as it came out of the decoder.
struct CodedLayer {
  uint64_t bytes = 0;         // of the file, from its start to the end of this layer
  Picture decoded;            // exactly the layer's size
  double decode_seconds = 0;  // to get this layer from the file, lower layers included
};

// One encoding of one picture (or pyramid), and its decodings.
struct Coded {
  std::vector<CodedLayer> layers;  // lowest first, as many as originals were given
  double encode_seconds = 0;       // all layers
  uint64_t encode_peak_kib = 0;    // of the encoder's process; 0: not measured
  uint64_t decode_peak_kib = 0;
};

// How many layers a codec puts into one file.
enum class StreamKind {
  kPicture,   // one; several sizes are several files: simulcast
  kScalable,  // all of them
};

// One codec with one choice of options but the rate. Objects are shared by all threads: run() may be called
// from several at once.
class EvaluatedCodec {
 public:
  virtual ~EvaluatedCodec() = default;

  virtual std::string name() const = 0;
  virtual StreamKind kind() const = 0;

  // Everything about the program that can change its results: part of the key that results are kept under.
  virtual std::string version() const = 0;

  // One line for the report: the commands, with {} where the setting stands.
  virtual std::string how() const = 0;

  // Points of the rate axis by default, lowest rate first, as the program's own option takes them.
  virtual std::vector<std::string> settings() const = 0;

  // A setting of the highest rate, for codecs whose lower layers are other pictures than our originals, so
  // that no rate reaches the originals. It is measured once per picture and reported beside the curve, never
  // on it.
  virtual std::optional<std::string> ceiling() const { return std::nullopt; }

  // Whether it can make this pyramid at all; the reason if not (JPEG 2000 knows halves only).
  virtual Status accepts(const std::vector<Size>& sizes) const {
    (void)sizes;
    return {};
  }

  // Encodes the originals (lowest first; one for kPicture) at a setting into files below `directory`, decodes
  // those files. Errors: whatever went wrong; it costs this row of the results and no other.
  virtual Result<Coded> run(const std::vector<Picture>& originals, const std::string& setting,
                            const std::string& directory) const = 0;
};

using CodecList = std::vector<std::shared_ptr<const EvaluatedCodec>>;

// Reading and writing of picture files, handed in so that nothing here depends on an image library.
struct PictureFiles {
  std::function<Result<Picture>(const std::string& path)> read;
  std::function<Status(const Picture& picture, const std::string& path)> write;  // by extension
};

}  // namespace compass::eval
