// SHVC, the scalable extension of HEVC, by its reference software SHM where the user has built it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "eval/codec.h"

namespace compass::eval {

// Command lines: the program and options of its own, separated by spaces. SHM's settings are in configuration
// files that come with it, so the encoder's holds "-c" options: of all-intra coding, and of as many layers as
// are coded, each predicting samples from the one below, 8 bits, 4:2:0, every layer an output layer.
struct ShvcPrograms {
  std::string encoder;
  std::string decoder;
};

// Sizes must be multiples of 8 (the smallest coding unit). The same QP is used in all layers. The options
// that are added are SHM's own since version 1: -b, -f, -i, -wdt, -hgt, -fr, -q of each layer; -b, -o of each
// layer. Errors: kIo with a line that says what to name, if a program is not named or not there.
Result<std::shared_ptr<const EvaluatedCodec>> make_shvc_layers(const ShvcPrograms& programs);

// Bytes of an Annex B stream that belong to layers 0..k, for k = 0..layers-1: NAL units by nuh_layer_id
// (H.265, 7.3.1.2), start codes included. Errors: kBadFile (no NAL units, or not as many layers).
Result<std::vector<uint64_t>> shvc_layer_bytes(std::span<const uint8_t> stream, size_t layers);

}  // namespace compass::eval
