// Mei et al.'s system under evaluation, in this process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "codec/codec_options.h"
#include "eval/codec.h"
#include "mei/mei_model.h"

namespace compass::eval {

// One model for each point of the rate axis, lowest rate first. Files are written and read back; a layer is
// decoded from the beginning of the file that holds its bytes and no more. Times are without a process's
// start, as those of our own codec. `program` identifies the running program.
std::shared_ptr<const EvaluatedCodec> make_mei_codec(std::string name,
                                                     std::vector<std::shared_ptr<const MeiModel>> models,
                                                     CodecOptions options, std::string program);

}  // namespace compass::eval
