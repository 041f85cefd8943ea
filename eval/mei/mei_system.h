// Mei et al.'s system at work: three sizes of a picture to bytes, and back from as many of them as a layer
// takes. For measurements only: it works on whole maps, and its files are no .cmps.
//
//   file:   "MEI1", for each layer its width and height (16 bits each) and its stream's length (32 bits), all
//           little-endian; then the streams (entropy/layer_coder.h), the lowest layer first
//
// A layer's symbols are those of its latents less what is predicted from the latents below, so that decoding
// layer k takes the streams and the predictions up to k, but the transform of layer k alone.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/precision.h"
#include "core/result.h"
#include "core/thread_pool.h"
#include "eval/picture.h"
#include "mei/mei_model.h"
#include "nn/context.h"

namespace compass::eval {

// Multiply-adds.
struct MeiCost {
  double encode = 0;  // all layers
  double decode = 0;  // the top layer
};

class MeiSystem {
 public:
  MeiSystem(std::shared_ptr<const MeiModel> model, int threads, Precision precision);
  ~MeiSystem();

  // Whether it makes these sizes, lowest first: three, each twice the one below, give or take the odd pixel.
  static Status accepts(const std::vector<Size>& sizes);

  // Errors: kUsage (sizes it does not make), kFailure.
  Result<std::vector<uint8_t>> encode(const std::vector<Picture>& originals);

  // Bytes from the start of a file to the end of each layer. Error: kBadFile.
  static Result<std::vector<uint64_t>> layer_ends(std::span<const uint8_t> bytes);

  // Layer k from the file's first bytes. Errors: kBadFile: not such a file, bytes are missing, damaged.
  Result<Picture> decode(std::span<const uint8_t> bytes, size_t k);

  MeiCost cost(const std::vector<Size>& sizes) const;

 private:
  struct Layer;
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace compass::eval
