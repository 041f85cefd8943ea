#include "nn/bf16/onednn.h"

namespace compass::nn {

bool uses(dnnl::cpu_isa isa) {
  const auto has = static_cast<unsigned>(dnnl::get_effective_cpu_isa());
  const auto wanted = static_cast<unsigned>(isa);
  return (has & wanted) == wanted;
}

dnnl::convolution_forward::primitive_desc direct_convolution(const dnnl::engine& engine,
                                                             const ConvolutionMaps& maps, int stride,
                                                             int padding,
                                                             const dnnl::primitive_attr& attributes) {
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const dnnl::memory::dims strides{stride, stride}, pad{padding, padding};
#if DNNL_VERSION_MAJOR >= 3
  return {engine,      kind,    algorithm, maps.source, maps.weights, maps.bias,
          maps.target, strides, pad,       pad,         attributes};
#else
  return {{kind, algorithm, maps.source, maps.weights, maps.bias, maps.target, strides, pad, pad},
          attributes,
          engine};
#endif
}

void append_relu(dnnl::post_ops& after, float slope) {
#if DNNL_VERSION_MAJOR >= 3
  after.append_eltwise(dnnl::algorithm::eltwise_relu, slope, 0.0F);
#else
  after.append_eltwise(1.0F, dnnl::algorithm::eltwise_relu, slope, 0.0F);
#endif
}

}  // namespace compass::nn
