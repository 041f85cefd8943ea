// Settings that encoder and decoder share.
#pragma once

#include <cstdint>
#include <functional>

#include "core/precision.h"

namespace compass::nn {
class StageTimes;
}

namespace compass {

struct CodecOptions {
  int threads = 0;  // 0: one per core
  Precision precision = Precision::kAuto;
  uint64_t max_pixels = 400'000'000;  // a layer with more is refused, before anything is allocated
  uint64_t max_memory = 0;            // bytes; what would need more, roughly, is refused; 0: no cap
  nn::StageTimes* times = nullptr;    // where stages account their time; must outlive the codec
};

// Called now and then with the part of the work done, in [0,1], on the thread that called encode or decode.
using Progress = std::function<void(double done)>;

}  // namespace compass
