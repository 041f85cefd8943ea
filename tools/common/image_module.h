// The part of the command that writes pictures and draws text: a module of its own (tools/images/), loaded on
// first use. It needs libvips, and through it more than a hundred libraries, whose loading takes longer than
// decoding a small picture. Commands that write no such picture do not load it. Reading pictures is separate
// (read_process.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "image_file.h"
#include "text.h"

namespace compass::tools {

// Where a picture's bytes go. The calls are OutputFile's (output_file.h).
class ByteSink {
 public:
  virtual Status write(std::span<const uint8_t> bytes) = 0;
  virtual int64_t seek(int64_t offset, int whence) = 0;
  virtual int64_t read(std::span<uint8_t> out) = 0;
  virtual Status restart() = 0;

 protected:
  ~ByteSink() = default;
};

// What the module does; see the functions of the same names in image_file.h and text.h.
struct ImageModule {
  Status (*start)();
  bool (*can_write)(const std::string& format);
  // Does not commit the file.
  Result<Notes> (*write_image)(const PictureView& picture, const FileSamples& samples,
                               const std::string& format, ByteSink& sink,
                               std::span<const MetadataChunk> metadata);
  Result<TextMask> (*render_text)(const std::string& text, const std::string& font);
};

// Unsets the environment variables that make libvips and GLib print debugging output, some of it to standard
// output, where data may go. To be called before threads are started.
void forget_debugging();

// The module's only visible symbol, and its type.
inline constexpr const char* kImageModuleEntry = "compass_image_module";
using ImageModuleEntry = const ImageModule*();

// The module, found and loaded by the first call, libvips started. Errors: kFailure (a broken installation).
Result<const ImageModule*> image_module();

}  // namespace compass::tools
