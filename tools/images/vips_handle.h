// Ownership of libvips objects, and its messages.
#pragma once

#include <vips/vips.h>
#undef Rect  // a macro of libvips 7 that newer ones still define

#include <memory>
#include <string>

#include "core/printable.h"

namespace compass::tools::images {

struct Unref {
  void operator()(void* object) const { g_object_unref(object); }
};

// A reference to a GObject, dropped at the end of the scope.
template <typename T>
using Handle = std::unique_ptr<T, Unref>;

// Takes and clears libvips' error text: its first line, fit for a message; never empty.
inline std::string vips_reason() {
  const std::string text = vips_error_buffer();
  vips_error_clear();
  if (text.empty()) return "its library gives no reason";
  return printable(text.substr(0, text.find('\n')));
}

}  // namespace compass::tools::images
