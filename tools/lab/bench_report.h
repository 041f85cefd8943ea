// What compass-lab bench reports: times of stages, as text of 80 columns and as JSON.
#pragma once

#include <string>
#include <vector>

#include "codec/runtime.h"
#include "common/command.h"
#include "core/size.h"
#include "nn/stage_times.h"

namespace compass::tools {

// What one way, encoding or decoding, took.
struct Measured {
  double seconds = 0.0;  // of the fastest run
  double first = 0.0;    // of the first run, which compiles kernels and packs weights
  double kernels = 0.0;  // of that, the preparation of kernels
  nn::StageTimes stages;
  double peak_memory = 0.0;  // bytes
};

// Everything that the report is made from.
struct Report {
  std::string model;
  std::string picture;
  std::vector<Size> sizes;
  double model_seconds = 0.0;
  int threads = 0;
  Precision precision = Precision::kF32;  // what was timed, never kAuto
  std::string kernels;                    // Highway's name of the instruction set of our own kernels
  std::vector<std::string> convolutions;  // which kernels decoding multiplied with
  double peak_f32 = 0.0;                  // GFLOP/s of all threads together
  double peak_bf16 = 0.0;                 // 0 if the processor has none
  uint64_t bytes = 0;
  Measured encode, decode;

  double megapixels() const { return static_cast<double>(sizes.back().pixels()) * 1e-6; }
  bool bf16() const { return precision == Precision::kBF16; }
  double peak() const { return bf16() ? peak_bf16 : peak_f32; }
};

// Of what was timed: "f32", "bf16" or "exact".
const char* name_of(Precision precision);
std::string text_of(const Report& report);
Json json_of(const Report& report, const Measured& measured);

}  // namespace compass::tools
