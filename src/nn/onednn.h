// What the sources that see oneDNN share: its handles, and what its versions 2 and 3 say differently.
#pragma once

#include <dnnl.hpp>
#include <new>
#include <stdexcept>
#include <string>

#include "core/memory.h"
#include "nn/context.h"
#include "nn/packed_conv_weights.h"

namespace compass::nn {

struct Context::Engine {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  std::vector<dnnl::stream> streams;  // one per worker
};

// A direct convolution; or Winograd's, `block` rows of the tile at a time, which needs a workspace alone.
struct ConvKernel::Parts {
  int block = 0;
  dnnl::convolution_forward primitive;
  dnnl::memory::desc weights;
  // Handles are made once per worker; runs only exchange the pointers inside.
  struct Handles {
    dnnl::stream stream;
    dnnl::memory source, target, scratch;
    Workspace* workspace;  // whose kScratch slot is large enough for this kernel
  };
  std::vector<Handles> workers;
  size_t scratch_bytes = 0;
};

// For Winograd's convolution `points` are what winograd_kernels() makes, otherwise empty.
struct PackedConvWeights::Parts {
  dnnl::memory weights;
  dnnl::memory bias;
  AlignedVector<float> points;
};

// While one lives, oneDNN sees one OpenMP thread on this thread; the caller's setting returns afterwards.
class SingleThreaded {
 public:
  SingleThreaded();
  ~SingleThreaded();
  SingleThreaded(const SingleThreaded&) = delete;
  SingleThreaded& operator=(const SingleThreaded&) = delete;

 private:
  int before_;
};

// Throws what a call of oneDNN's C interface failed with: std::bad_alloc where it lacked memory, else
// std::runtime_error.
inline void check(dnnl_status_t status, const char* what) {
  if (status == dnnl_success) return;
  if (status == dnnl_out_of_memory) throw std::bad_alloc();
  throw std::runtime_error(std::string("oneDNN failed: ") + what);
}

// work(), which calls oneDNN's C++ interface, with its errors thrown as check() does.
template <typename Work>
auto checked(const Work& work) {
  try {
    return work();
  } catch (const dnnl::error& error) {
    check(error.status, error.message);
    throw;  // a failure that claims success
  }
}

// oneDNN's code generators write on where memory for code is refused to them: before each, there has to be
// more room than they take, for all threads that may generate code at the same time.
inline void require_room_for_code(int threads) {
  constexpr size_t kForOne = size_t{2} << 20;
  constexpr size_t kForAll = size_t{16} << 20;
  require_room(kForAll + kForOne * static_cast<size_t>(threads));
}

// Whether oneDNN uses these instructions, or a set that includes them.
bool uses(dnnl::cpu_isa isa);

// Memory that a convolution reads and writes, any layout where it may choose.
struct ConvolutionMaps {
  dnnl::memory::desc source, weights, bias, target;
};

// A convolution computed as it is written, without dilation; stride and padding are the same on all sides.
dnnl::convolution_forward::primitive_desc direct_convolution(const dnnl::engine& engine,
                                                             const ConvolutionMaps& maps, int stride,
                                                             int padding,
                                                             const dnnl::primitive_attr& attributes);

// Multiplies what is below 0 by `slope`, after all that came before.
void append_relu(dnnl::post_ops& after, float slope);

inline dnnl::memory::data_type type_of(Element e) {
  return e == Element::kF32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

}  // namespace compass::nn
