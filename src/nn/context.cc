#include "nn/context.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include "nn/matrix_product.h"
#include "nn/onednn.h"
#include "nn/packed_conv_weights.h"
#include "nn/winograd.h"

// OpenMP's control functions. Declared here, they need no compiler switch; oneDNN links the OpenMP runtime.
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);
}

namespace compass::nn {
namespace {

// Kernels in the cache. Shapes depend on the sizes of pictures, so that a process that codes many sizes would
// otherwise keep ever more of them.
constexpr size_t kMaxKernels = 512;

// Bytes of the points and products that Winograd's algorithm works on at a time: about a core's second-level
// cache.
constexpr size_t kBlockBytes = size_t{1} << 20;

// Whether Winograd's algorithm is used: for f32 only, since in bf16 its points would be rounded.
bool takes_winograd(const ConvShape& s) {
  return s.kernel_h == 3 && s.kernel_w == 3 && s.stride == 1 && s.rows % kWinogradBlock == 0 &&
         s.cols % kWinogradBlock == 0 && s.source == Element::kF32 && s.target == Element::kF32 &&
         !s.direct && s.in >= 32 && s.out >= 16;
}

// The shape with `direct` set to how it will be computed, so that equal kernels have equal shapes.
ConvShape settled(ConvShape shape) {
  shape.direct = !takes_winograd(shape);
  return shape;
}

// Floats from one point's values to the next point's. It is a little more than they take, so that the 36 do
// not fall into one set of a cache.
size_t point_stride(size_t blocks, int channels) {
  return blocks * channels + 48;
}

bool is_amd() {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

}  // namespace

Precision resolve(Precision wish) {
  if (wish == Precision::kF32) return Precision::kF32;
  const bool amx = uses(dnnl::cpu_isa::avx512_core_amx);
  const bool native = uses(dnnl::cpu_isa::avx512_core_bf16);
  if (wish == Precision::kBF16) return native ? Precision::kBF16 : Precision::kF32;
  // Without AMX, Intel's bf16 dot product runs at half the rate of f32 multiply-adds (measured on Sapphire
  // Rapids: 77 against 130 GFLOP/s per core); AMD's Zen 4 and later run it at twice.
  return amx || (native && is_amd()) ? Precision::kBF16 : Precision::kF32;
}

SingleThreaded::SingleThreaded() : before_(omp_get_max_threads()) {
  if (before_ != 1) omp_set_num_threads(1);
}
SingleThreaded::~SingleThreaded() {
  if (before_ != 1) omp_set_num_threads(before_);
}

ConvKernel::ConvKernel() : parts_(std::make_unique<Parts>()) {}
ConvKernel::~ConvKernel() = default;

void ConvKernel::run(int worker, const void* source, const PackedConvWeights& weights, void* target) const {
  if (parts_->block > 0) {
    run_winograd(worker, static_cast<const float*>(source), weights, static_cast<float*>(target));
    return;
  }
  const SingleThreaded scope;
  const Parts::Handles& handles = parts_->workers[worker];
  check(dnnl_memory_set_data_handle(handles.source.get(), const_cast<void*>(source)), "handing over input");
  check(dnnl_memory_set_data_handle(handles.target.get(), target), "handing over output");
  check(dnnl_memory_set_data_handle(handles.scratch.get(), handles.workspace->get(Workspace::kScratch, 0)),
        "handing over scratch memory");
  const std::array<dnnl_exec_arg_t, 5> args{{{DNNL_ARG_SRC, handles.source.get()},
                                             {DNNL_ARG_WEIGHTS, weights.parts_->weights.get()},
                                             {DNNL_ARG_BIAS, weights.parts_->bias.get()},
                                             {DNNL_ARG_DST, handles.target.get()},
                                             {DNNL_ARG_SCRATCHPAD, handles.scratch.get()}}};
  check(dnnl_primitive_execute(parts_->primitive.get(), handles.stream.get(), static_cast<int>(args.size()),
                               args.data()),
        "a convolution");
}

void ConvKernel::run_winograd(int worker, const float* source, const PackedConvWeights& weights,
                              float* target) const {
  Workspace& ws = *parts_->workers[worker].workspace;
  const int block = parts_->block;
  const size_t blocks = static_cast<size_t>(block / kWinogradBlock) * (shape_.cols / kWinogradBlock);
  const size_t in_stride = point_stride(blocks, shape_.in), out_stride = point_stride(blocks, shape_.out);
  auto* const points = ws.get_array<float>(Workspace::kPoints, kWinogradPoints * in_stride);
  auto* const products = ws.get_array<float>(Workspace::kProducts, kWinogradPoints * out_stride);
  const auto* bias = static_cast<const float*>(weights.parts_->bias.get_data_handle());
  const float slope = shape_.act == Act::kNone ? 1.0F : shape_.act == Act::kLeakyRelu ? kLeakySlope : 0.0F;
  for (int row = 0; row < shape_.rows; row += block) {
    winograd_inputs(source + static_cast<size_t>(row) * shape_.in_cols() * shape_.in, block, shape_.cols,
                    shape_.in, points, in_stride);
    for (int p = 0; p < kWinogradPoints; ++p) {
      const size_t kernel = static_cast<size_t>(p) * shape_.in * shape_.out;
      multiply_panels(points + p * in_stride, blocks, shape_.in, weights.parts_->points.data() + kernel,
                      shape_.out, products + p * out_stride);
    }
    winograd_outputs(products, out_stride, block, shape_.cols, shape_.out, bias, slope,
                     target + static_cast<size_t>(row) * shape_.cols * shape_.out);
  }
}

Context::Context(ThreadPool& pool, Precision precision)
    : pool_(pool),
      compute_(resolve(precision) == Precision::kBF16 ? Element::kBF16 : Element::kF32),
      engine_(checked([] { return std::make_unique<Engine>(); })),
      workspaces_(pool.threads()) {
  checked([&] {
    for (int i = 0; i < pool.threads(); ++i) engine_->streams.emplace_back(engine_->engine);
  });
}

Context::~Context() = default;

std::shared_ptr<const ConvKernel> Context::conv(const ConvShape& wanted) {
  const ConvShape shape = settled(wanted);
  if (const auto it = kernels_.find(shape); it != kernels_.end()) return it->second;
  const std::shared_ptr<ConvKernel> kernel = compile(shape);
  keep(kernel);
  return kernel;
}

ReadyConv Context::ready(PaddedConvWeights& weights, const ConvShape& shape) {
  const auto kernel = conv(shape);
  return {kernel, &weights.packed(*this, *kernel, 0)};
}

void Context::compile(std::span<const KernelRequest> requests) {
  std::vector<KernelRequest> wanted(requests.begin(), requests.end());
  std::vector<ConvShape> shapes;
  for (KernelRequest& request : wanted) {
    request.shape = settled(request.shape);
    if (!kernels_.contains(request.shape)) shapes.push_back(request.shape);
  }
  std::sort(shapes.begin(), shapes.end());
  shapes.erase(std::unique(shapes.begin(), shapes.end()), shapes.end());
  std::vector<std::shared_ptr<ConvKernel>> compiled(shapes.size());
  pool_.parallel_for(static_cast<int>(shapes.size()), [&](int i, int) { compiled[i] = compile(shapes[i]); });
  for (auto& kernel : compiled) keep(std::move(kernel));
  pack(std::move(wanted));
}

// One worker packs all orders of the same weights, so that no two touch them at a time.
void Context::pack(std::vector<KernelRequest> requests) {
  std::stable_sort(requests.begin(), requests.end(), [](const KernelRequest& a, const KernelRequest& b) {
    return std::less<>()(a.weights, b.weights);
  });
  std::vector<size_t> first;  // request for each PaddedConvWeights
  for (size_t i = 0; i < requests.size(); ++i) {
    if (i == 0 || requests[i].weights != requests[i - 1].weights) first.push_back(i);
  }
  pool_.parallel_for(static_cast<int>(first.size()), [&](int i, int worker) {
    const size_t end = static_cast<size_t>(i) + 1 < first.size() ? first[i + 1] : requests.size();
    for (size_t n = first[i]; n < end; ++n) {
      // If there were more shapes than the cache holds, the kernel may have been dropped again.
      const auto it = kernels_.find(requests[n].shape);
      if (it != kernels_.end()) requests[n].weights->packed(*this, *it->second, worker);
    }
  });
}

void Context::keep(std::shared_ptr<ConvKernel> kernel) {
  if (kernels_.size() >= kMaxKernels) kernels_.clear();
  ConvKernel::Parts& parts = *kernel->parts_;
  for (int i = 0; i < pool_.threads(); ++i) {
    workspaces_[i].get(Workspace::kScratch, parts.scratch_bytes);
    parts.workers[i].workspace = &workspaces_[i];
  }
  const ConvShape shape = kernel->shape();
  kernels_.emplace(shape, std::move(kernel));
}

std::shared_ptr<ConvKernel> Context::compile(const ConvShape& shape) {
  if (!shape.direct) return compile_winograd(shape);
  require_room_for_code(pool_.threads());
  return checked([&] { return compile_direct(shape); });
}

std::shared_ptr<ConvKernel> Context::compile_winograd(const ConvShape& shape) {
  std::shared_ptr<ConvKernel> kernel(new ConvKernel);
  kernel->shape_ = shape;
  ConvKernel::Parts& parts = *kernel->parts_;
  // As many rows of blocks at a time as fit in the cache and divide the tile evenly.
  const int down = shape.rows / kWinogradBlock, across = shape.cols / kWinogradBlock;
  const size_t row_bytes =
      sizeof(float) * kWinogradPoints * (static_cast<size_t>(shape.in) + shape.out) * across;
  int together = std::clamp(static_cast<int>(kBlockBytes / row_bytes), 1, down);
  while (down % together != 0) --together;
  parts.block = kWinogradBlock * together;
  parts.workers.resize(pool_.threads());
  kernel->implementation_ = "winograd";
  return kernel;
}

std::shared_ptr<ConvKernel> Context::compile_direct(const ConvShape& shape) {
  const SingleThreaded scope;
  using dnnl::memory;
  using tag = memory::format_tag;
  const auto format = type_of(shape.source);
  const ConvolutionMaps maps{
      .source{{1, shape.in, shape.in_rows(), shape.in_cols()}, format, tag::nhwc},
      .weights{{shape.out, shape.in, shape.kernel_h, shape.kernel_w}, format, tag::any},
      .bias{{shape.out}, memory::data_type::f32, tag::x},
      .target{{1, shape.out, shape.rows, shape.cols}, type_of(shape.target), tag::nhwc}};
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  // An environment variable could otherwise let oneDNN compute f32 less exactly, and integer networks need
  // exact sums.
  attributes.set_fpmath_mode(dnnl::fpmath_mode::strict);
  if (shape.act != Act::kNone) {
    dnnl::post_ops after;
    append_relu(after, shape.act == Act::kLeakyRelu ? kLeakySlope : 0.0F);
    attributes.set_post_ops(after);
  }
  const auto made = direct_convolution(engine_->engine, maps, shape.stride, 0, attributes);
  std::shared_ptr<ConvKernel> kernel(new ConvKernel);
  kernel->shape_ = shape;
  kernel->implementation_ = made.impl_info_str();
  ConvKernel::Parts& parts = *kernel->parts_;
  parts.primitive = dnnl::convolution_forward(made);
  parts.weights = made.weights_desc();
  parts.scratch_bytes = made.scratchpad_desc().get_size();
  for (int i = 0; i < pool_.threads(); ++i) {
    parts.workers.push_back({engine_->streams[i], memory(made.src_desc(), engine_->engine, DNNL_MEMORY_NONE),
                             memory(made.dst_desc(), engine_->engine, DNNL_MEMORY_NONE),
                             memory(made.scratchpad_desc(), engine_->engine, DNNL_MEMORY_NONE), nullptr});
  }
  return kernel;
}

std::vector<std::string> Context::implementations() const {
  std::set<std::string> names;
  for (const auto& [shape, kernel] : kernels_) names.insert(kernel->implementation());
  return {names.begin(), names.end()};
}

}  // namespace compass::nn
