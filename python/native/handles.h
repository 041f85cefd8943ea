// The library's objects in Python's hands: failures that become exceptions, and encoders and decoders that
// wait for their next call.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "compass/compass.h"
#include "core/freed.h"

namespace compass::python {

// A failure of the library's on its way to becoming a Python exception.
struct Failure {
  compass_status status;
  std::string message;
};

inline void check(compass_status status, const compass_error& error) {
  if (status != COMPASS_OK) throw Failure{status, error.message};
}

using EncoderPtr = std::unique_ptr<compass_encoder, Freed<compass_encoder_free>>;
using ReaderPtr = std::unique_ptr<compass_reader, Freed<compass_reader_free>>;
using DecoderPtr = std::unique_ptr<compass_decoder, Freed<compass_decoder_free>>;

// What an encoder or a decoder is made with. 0 pixels: the library's own limit.
struct Limits {
  int threads = 0;
  uint64_t max_pixels = 0;
  uint64_t max_memory = 0;
  auto operator<=>(const Limits&) const = default;

  compass_options options() const {
    compass_options options;
    compass_options_init(&options);
    options.threads = threads;
    if (max_pixels != 0) options.max_pixels = max_pixels;
    options.max_memory = max_memory;
    return options;
  }
};

// Encoders or decoders that wait for their next call. Making one packs the model's weights, and starts
// threads; any number may work at once.
template <typename Ptr>
class Pool {
 public:
  using Create = compass_status (*)(const compass_model*, const compass_options*, typename Ptr::pointer*,
                                    compass_error*);

  // Runs call(worker) with a worker of these limits; without Python's lock.
  template <typename Call>
  void with(Create create, const compass_model* model, const Limits& limits, Call call) {
    Ptr worker = take(create, model, limits);
    call(worker.get());
    give(limits, std::move(worker));
  }

  Ptr take(Create create, const compass_model* model, const Limits& limits) {
    {
      const std::lock_guard lock(mutex_);
      auto& idle = idle_[limits];
      if (!idle.empty()) {
        Ptr worker = std::move(idle.back());
        idle.pop_back();
        return worker;
      }
    }
    const compass_options options = limits.options();
    typename Ptr::pointer made = nullptr;
    compass_error error{};
    check(create(model, &options, &made, &error), error);
    return Ptr(made);
  }

  void give(const Limits& limits, Ptr worker) {
    const std::lock_guard lock(mutex_);
    constexpr size_t kKept = 4;
    if (auto& idle = idle_[limits]; idle.size() < kKept) idle.push_back(std::move(worker));
  }

 private:
  std::mutex mutex_;
  std::map<Limits, std::vector<Ptr>> idle_;
};

}  // namespace compass::python
