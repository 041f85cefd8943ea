// What the sources that include oneDNN share: its handles, and the differences between its versions 2 and 3.
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

// A direct convolution; or, where `block` > 0, one by Winograd's algorithm, `block` rows of the tile at a
// time, which uses nothing of this but the workspaces.
struct ConvKernel::Parts {
  int block = 0;
  dnnl::convolution_forward primitive;
  dnnl::memory::desc weights;
  // Made once for each worker; runs only set the pointers inside.
  struct Handles {
    dnnl::stream stream;
    dnnl::memory source, target, scratch;
    Workspace* workspace;  // whose kScratch slot is large enough for this kernel
  };
  std::vector<Handles> workers;
  size_t scratch_bytes = 0;
};

// `points` is what winograd_kernels() makes, for Winograd's algorithm; otherwise it is empty.
struct PackedConvWeights::Parts {
  dnnl::memory weights;
  dnnl::memory bias;
  AlignedVector<float> points;
};

// While an object of this class exists, OpenMP has one thread for oneDNN's calls on this thread. Its
// destructor restores the caller's setting.
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

// oneDNN's code generators write to invalid memory if they cannot allocate memory for code. So before each is
// called, there has to be more memory than all threads that may generate code at the same time take.
inline void require_room_for_code(int threads) {
  constexpr size_t kForOne = size_t{2} << 20;
  constexpr size_t kForAll = size_t{16} << 20;
  require_room(kForAll + kForOne * static_cast<size_t>(threads));
}

// Whether oneDNN uses these instructions, or a set that includes them.
bool uses(dnnl::cpu_isa isa);

// The arrays that a convolution reads and writes; layout `any` where oneDNN may choose.
struct ConvolutionMaps {
  dnnl::memory::desc source, weights, bias, target;
};

// A convolution computed as it is written, without dilation; stride and padding are the same on all sides.
dnnl::convolution_forward::primitive_desc direct_convolution(const dnnl::engine& engine,
                                                             const ConvolutionMaps& maps, int stride,
                                                             int padding,
                                                             const dnnl::primitive_attr& attributes);

// Adds, behind the operations already in `after`, a multiplication of negative values by `slope`.
void append_relu(dnnl::post_ops& after, float slope);

inline dnnl::memory::data_type type_of(Element e) {
  return e == Element::kF32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

}  // namespace compass::nn
