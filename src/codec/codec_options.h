// Settings that encoder and decoder share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "core/precision.h"
#include "core/thread_pool.h"

namespace compass::nn {
class StageTimes;
}

namespace compass {

struct CodecOptions {
  int threads = 0;                   // 0: one per core
  std::shared_ptr<ThreadPool> pool;  // shared with other codecs; empty: one of its own, of `threads`
  Precision precision = Precision::kAuto;
  uint64_t max_pixels = 400'000'000;  // a layer with more is refused, before anything is allocated
  uint64_t max_memory = 0;            // bytes; what would need more, roughly, is refused; 0: no cap
  nn::StageTimes* times = nullptr;    // where stages account their time; must outlive the codec
};

// Called now and then with the part of the work done, in [0,1], on the thread that called encode or decode.
// If it returns false, the call ends with kCancelled (codec/meter.h).
using Progress = std::function<bool(double done)>;

}  // namespace compass
