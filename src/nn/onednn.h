// oneDNN handles shared by context.cc and filter.cc; nobody else sees oneDNN.
#pragma once

#include <dnnl.hpp>

#include "nn/context.h"
#include "nn/filter.h"

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
struct PackedFilter::Parts {
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

inline dnnl::memory::data_type type_of(Element e) {
  return e == Element::kF32 ? dnnl::memory::data_type::f32 : dnnl::memory::data_type::bf16;
}

}  // namespace compass::nn
