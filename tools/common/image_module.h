// The part of the command that writes pictures and draws text, a module of its own (tools/images/), loaded
// when it is first needed. It brings libvips, and with it more than a hundred libraries, whose loading takes
// longer than decoding a small picture: commands that need none of it do not wait for it. Reading is apart
// from it (read_process.h).
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

// Forgets the variables of the environment by which libvips and GLib are told to print for those who debug
// them, some of it on standard output, where our data may go. To be called before there are threads.
void forget_debugging();

// The module's only visible symbol, and its type.
inline constexpr const char* kImageModuleEntry = "compass_image_module";
using ImageModuleEntry = const ImageModule*();

// The module, found and loaded by the first call, libvips started. Errors: kFailure (a broken installation).
Result<const ImageModule*> image_module();

}  // namespace compass::tools
