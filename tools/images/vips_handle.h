// Ownership of libvips objects, and its messages.
#pragma once

// Without the macros of libvips 7, which newer headers still bring: Rect and error_exit are names of others,
// too.
#define VIPS_DISABLE_COMPAT
#include <vips/vips.h>

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
