// AV1 with spatial layers: one temporal unit of several frames, by libaom.
#pragma once

#include <cstdint>
#include <span>

#include "eval/codec.h"

namespace compass::eval {

// Layers must halve exactly (AV1 scales its own input, by fixed fractions), at most four of them. The lower
// layers are libaom's own shrunken pictures: like everyone's they are compared with the bicubic originals.
// Errors: kIo with a line that says which Debian package is missing, if the program was built without libaom.
Result<std::shared_ptr<const EvaluatedCodec>> make_av1_layers();

}  // namespace compass::eval
