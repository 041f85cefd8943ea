#include "buffers.h"

#include <memory>

#include "handles.h"

namespace compass::python {

py::bytes to_python(compass_bytes& bytes) {
  const std::unique_ptr<compass_bytes, Freed<compass_bytes_free>> owned(&bytes);
  return {reinterpret_cast<const char*>(bytes.data), bytes.size};
}

}  // namespace compass::python
