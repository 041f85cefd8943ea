// How far a call to an encoder or decoder is. Tells whoever wants to know after every tile, and ends the call
// if they have had enough.
#pragma once

#include <algorithm>
#include <utility>

#include "codec/codec_options.h"
#include "core/result.h"

namespace compass {

class Meter {
 public:
  // Runs `call`, which returns a Result, with `progress` as the one who wants to know; it may be empty.
  // Error: kCancelled. Whatever `call` was in the midst of is unwound as by an exception of any other kind,
  // such as for want of memory: what it had made so far is freed, and the codec can be used again.
  template <typename Call>
  auto watch(const Progress& progress, const Call& call) -> decltype(call()) {
    const Watch watched(*this, progress);
    try {
      return call();
    } catch (const Cancelled&) {
      return Error{ErrorCode::kCancelled, "cancelled"};
    }
  }

  // What there is to do, in any unit. Before it is known, advance() tells nobody.
  void set_total(double total) {
    total_ = total;
    done_ = 0.0;
  }
  // It is to be the part of the call from `from` to `to`, of 0 to 1; all, unless this says otherwise.
  void set_part(double from, double to) {
    from_ = from;
    to_ = to;
    total_ = 0.0;
  }
  // So much more of it is done.
  void advance(double work) {
    done_ = std::min(total_, done_ + work);
    tell();
  }
  // All of it is.
  void finish() {
    done_ = total_;
    tell();
  }
  // Ends the call: only inside watch().
  [[noreturn]] static void cancel() { throw Cancelled{}; }

 private:
  struct Cancelled {};

  class Watch {
   public:
    Watch(Meter& meter, const Progress& progress) : meter_(meter) {
      meter_ = {};
      if (progress) meter_.progress_ = &progress;
    }
    ~Watch() { meter_ = {}; }
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;

   private:
    Meter& meter_;
  };

  void tell() const {
    if (progress_ == nullptr || total_ <= 0.0) return;
    if (!(*progress_)(from_ + (to_ - from_) * done_ / total_)) cancel();
  }

  const Progress* progress_ = nullptr;
  double total_ = 0.0;
  double done_ = 0.0;
  double from_ = 0.0;
  double to_ = 1.0;
};

}  // namespace compass
