// Our codec's complexity: multiply-adds, counted, and memory, measured.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "eval/codec.h"
#include "model_file/model.h"

namespace compass::eval {

// Thousands of multiply-adds per pixel of the top layer, for all layers together, as the networks execute
// them. Resampling and entropy coding are not counted.
struct Complexity {
  double encode = 0;  // what an encoder must run, reconstructions of lower layers included
  double decode = 0;
  // The same with LIFF, or LIIF, as its authors write it: all of the MLP for every pixel (networks/liff.h).
  double decode_as_written = 0;
};
Complexity complexity_of(const std::shared_ptr<const Model>& model, const std::vector<Size>& sizes);

// "12.3 kMAC/px to encode, 4.5 to decode (67.8 with LIFF as written)".
std::string to_text(const Complexity& complexity);

// Largest resident set of a `compass encode` and a `compass decode` of one picture, each in a process of its
// own. `program` is the command, `arguments` go to both (model, threads). Errors: as the command's.
struct PeakMemory {
  uint64_t encode_kib = 0;
  uint64_t decode_kib = 0;
};
Result<PeakMemory> peak_memory_of(const std::string& program, const std::vector<std::string>& arguments,
                                  const Picture& picture, const std::vector<Size>& sizes,
                                  const PictureFiles& files);

}  // namespace compass::eval
