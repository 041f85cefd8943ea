// A picture as it is encoded: where alpha is 0, with colours that cost next to nothing.
#pragma once

#include <type_traits>

#include "codec/original.h"
#include "codec/transparent_fill.h"

namespace compass {

// Whether no sample is below 255, or there are none.
bool is_opaque(PlaneView alpha);

template <typename Picture>
class SeenPicture {
 public:
  // `picture` must outlive the object, and so must `alpha`, which is of its size or none.
  SeenPicture(const Picture& picture, PlaneView alpha, ThreadPool& pool) : original_(picture) {
    if (is_opaque(alpha)) return;
    filled_ = filled(picture, alpha, pool);
    if constexpr (std::is_same_v<Picture, Image>) {
      original_ = Original(filled_);
    } else {
      original_ = Original(filled_.view());
    }
  }
  SeenPicture(const SeenPicture&) = delete;
  SeenPicture& operator=(const SeenPicture&) = delete;

  const Original& original() const { return original_; }

 private:
  std::remove_cvref_t<decltype(filled(std::declval<const Picture&>(), PlaneView(),
                                      std::declval<ThreadPool&>()))>
      filled_;  // empty where nothing had to be
  Original original_;
};

}  // namespace compass
