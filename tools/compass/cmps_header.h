// The header of a `.cmps` file, from a file or a pipe.
#pragma once

#include "bitstream/container.h"
#include "codec/codec_options.h"
#include "common/input_file.h"
#include "core/result.h"

namespace compass::tools {

// Reads the header's bytes and not one more, and leaves them unread for the decoder. Errors: kBadFile (not a
// .cmps file, cut within the header, or over a limit), kIo.
Result<ContainerHeader> peek_header(InputFile& file, const CodecOptions& options = {});

}  // namespace compass::tools
