#include "nn/context.h"

#include <algorithm>
#include <functional>
#include <set>

#include "nn/bf16/backend.h"
#include "nn/float_conv.h"
#include "nn/packed_conv_weights.h"

namespace compass::nn {
namespace {

// Kernels in the cache. Shapes depend on the sizes of pictures, so that a process that codes many sizes would
// otherwise keep ever more of them.
constexpr size_t kMaxKernels = 512;

// The shape with `direct` set to how it will be computed, so that equal kernels have equal shapes.
ConvShape settled(ConvShape shape) {
  shape.direct = !takes_winograd(shape);
  return shape;
}

}  // namespace

Precision resolve(Precision wish, int64_t pixels) {
  if (wish == Precision::kF32 || wish == Precision::kExact) return wish;
  const Bf16Support bf16 = bf16_support();
  if (wish == Precision::kBF16) return bf16.available ? Precision::kBF16 : Precision::kF32;
  // Dot products of bf16 alone are no faster than Winograd's algorithm in f32: on Zen 4, which runs them at
  // twice the rate of multiply-adds, a picture takes 12 % longer; on Sapphire Rapids they run at half that
  // rate.
  if (bf16.amx) return Precision::kBF16;
  return adds_beside_products() && pixels <= kMaxExactPixels ? Precision::kExact : Precision::kF32;
}

Context::Context(ThreadPool& pool, Precision precision)
    : pool_(pool), wish_(precision), workspaces_(pool.threads()) {
  const Precision resolved = resolve(precision);
  compute_ = resolved == Precision::kBF16 ? Element::kBF16 : Element::kF32;
  arithmetic_ = resolved == Precision::kExact ? Arithmetic::kExact : Arithmetic::kFast;
  if (compute_ == Element::kBF16) bf16_ = make_bf16_backend(pool.threads());
}

Context::~Context() = default;

void Context::suit(int64_t pixels) {
  const bool exact = resolve(wish_, pixels) == Precision::kExact;
  const Arithmetic arithmetic = exact ? Arithmetic::kExact : Arithmetic::kFast;
  if (arithmetic == arithmetic_) return;
  arithmetic_ = arithmetic;
  kernels_.clear();  // they round as before; packed weights are the same for both
}

Precision Context::precision() const {
  if (compute_ == Element::kBF16) return Precision::kBF16;
  return arithmetic_ == Arithmetic::kExact ? Precision::kExact : Precision::kF32;
}

std::shared_ptr<const ConvKernel> Context::conv(const ConvShape& wanted) {
  const ConvShape shape = settled(wanted);
  if (const auto it = kernels_.find(shape); it != kernels_.end()) return it->second;
  const std::shared_ptr<const ConvKernel> kernel = compile(shape);
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
  std::vector<std::shared_ptr<const ConvKernel>> compiled(shapes.size());
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

void Context::keep(std::shared_ptr<const ConvKernel> kernel) {
  if (kernels_.size() >= kMaxKernels) kernels_.clear();
  for (Workspace& workspace : workspaces_) workspace.get(Workspace::kScratch, kernel->scratch_bytes());
  const ConvShape shape = kernel->shape();
  kernels_.emplace(shape, std::move(kernel));
}

std::shared_ptr<const ConvKernel> Context::compile(const ConvShape& shape) {
  if (shape.source == Element::kBF16) return bf16_->compile(shape);
  return std::make_shared<const FloatConv>(shape, arithmetic_);
}

std::vector<std::string> Context::implementations() const {
  std::set<std::string> names;
  for (const auto& [shape, kernel] : kernels_) names.insert(kernel->implementation());
  return {names.begin(), names.end()};
}

}  // namespace compass::nn
