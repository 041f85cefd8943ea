// What a .cmps file says of itself, read from a file that is open.
#pragma once

#include "bitstream/container.h"
#include "core/result.h"
#include "serve/folder.h"

namespace compass::tools::serve {

// Reads no more than the header takes. Errors: kBadFile, kIo.
Result<ContainerHeader> read_header(const OpenFile& file, const ContainerLimits& limits);

}  // namespace compass::tools::serve
