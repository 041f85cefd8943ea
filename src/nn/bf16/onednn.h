// What the sources that include oneDNN share: its handles, and the differences between its versions 2 and 3.
#pragma once

#include <dnnl.hpp>
#include <new>
#include <stdexcept>
#include <string>

namespace compass::nn {

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

}  // namespace compass::nn
