// What networks run on: a thread pool, a number format, oneDNN's compiled kernels and each worker's memory.
//
// oneDNN is used for one thing: the convolution of a small tile without padding, on one thread. (3x3
// convolutions in f32 are our own, by Winograd's algorithm.) Threads are shared out over tiles. So neither a
// kernel's shape nor a result depends on the picture's edges or on the number of threads.
#pragma once

#include <compare>
#include <cstddef>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/precision.h"
#include "core/tensor.h"
#include "core/thread_pool.h"
#include "graph/op.h"
#include "nn/element.h"
#include "nn/map.h"
#include "nn/stage_times.h"

namespace compass::nn {

// oneDNN's vectors are at most this many floats; channel counts inside tiles are multiples of it, so that
// every kernel runs without a tail and none falls back to oneDNN's reference code.
inline constexpr int kChannelBlock = 16;
inline int pad_channels(int channels) {
  return (channels + kChannelBlock - 1) / kChannelBlock * kChannelBlock;
}

// kF32 or kBF16 for this CPU. kAuto becomes bf16 where the CPU multiplies it faster than f32; kBF16 becomes
// f32 on a CPU without bf16.
Precision resolve(Precision wish);

// One compiled convolution: an input tile [in, (rows-1)*stride + kernel_h, (cols-1)*stride + kernel_w] to an
// output tile [out, rows, cols], channels last, densely packed, with bias and activation.
struct ConvShape {
  int in = 0;  // multiples of kChannelBlock
  int out = 0;
  int kernel_h = 1;
  int kernel_w = 1;
  int stride = 1;
  int rows = 0;
  int cols = 0;
  Element source = Element::kF32;  // of input and weights
  Element target = Element::kF32;
  Act act = Act::kNone;
  bool direct = false;  // never by Winograd's algorithm: sums of integers, or a map of few pixels
  // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy 14 takes the 0 of a comparison for a pointer.
  auto operator<=>(const ConvShape&) const = default;

  int in_rows() const { return (rows - 1) * stride + kernel_h; }
  int in_cols() const { return (cols - 1) * stride + kernel_w; }
  // Multiplications of the direct convolution; Winograd's algorithm (nn/winograd.h) takes fewer.
  double macs() const { return 1.0 * in * out * kernel_h * kernel_w * rows * cols; }
};

class PaddedConvWeights;
class PackedConvWeights;

// Buffers of one worker thread. They only grow, so that repeated runs allocate nothing.
class Workspace {
 public:
  enum Slot {
    kInput,
    kOutput,
    kSquare,
    kNorm,
    kScratch,
    kBase,
    kTail,
    kHidden,
    kHidden2,
    kRows,
    kPoints,
    kProducts,
    kSlots
  };
  // A slot's buffer, at least `bytes` bytes, 64-byte aligned. Its contents are lost if it has to grow.
  std::byte* get(Slot slot, size_t bytes) {
    if (slots_[slot].size() < bytes) slots_[slot] = AlignedVector<std::byte>(bytes);
    return slots_[slot].data();
  }
  template <typename T>
  T* get_array(Slot slot, size_t count) {
    return reinterpret_cast<T*>(get(slot, count * sizeof(T)));
  }
  size_t bytes() const {
    size_t sum = 0;
    for (const auto& slot : slots_) sum += slot.size();
    return sum;
  }

 private:
  AlignedVector<std::byte> slots_[kSlots];
};

class ConvKernel {
 public:
  ~ConvKernel();
  const ConvShape& shape() const { return shape_; }
  // oneDNN's name for it, or "winograd".
  const std::string& implementation() const { return implementation_; }

  // Runs on worker `worker`'s thread. source holds shape().in * in_rows * in_cols elements, target the
  // output's. 64-byte alignment of both is not required.
  void run(int worker, const void* source, const PackedConvWeights& weights, void* target) const;

 private:
  friend class Context;
  friend class PaddedConvWeights;
  struct Parts;
  ConvKernel();
  void run_winograd(int worker, const float* source, const PackedConvWeights& weights, float* target) const;
  ConvShape shape_;
  std::string implementation_;
  std::unique_ptr<Parts> parts_;
};

// A kernel that a plan runs, and the conv weights to be packed for it.
struct KernelRequest {
  PaddedConvWeights* weights = nullptr;
  ConvShape shape;
};

// A kernel and conv weights in its memory order, ready to run.
struct ReadyConv {
  std::shared_ptr<const ConvKernel> kernel;
  const PackedConvWeights* weights = nullptr;
  void run(int worker, const void* source, void* target) const {
    kernel->run(worker, source, *weights, target);
  }
};

// Calls throw std::bad_alloc if they, or oneDNN, cannot allocate, and std::runtime_error for other failures
// of oneDNN. A context can be used again after either.
class Context {
 public:
  // The pool must outlive the context. A context is used by one thread at a time (and the pool's workers).
  explicit Context(ThreadPool& pool, Precision precision = Precision::kAuto);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  ThreadPool& pool() { return pool_; }
  Element compute() const { return compute_; }  // the format that networks multiply in
  Workspace& workspace(int worker) { return workspaces_[worker]; }
  BufferPool& buffers() { return buffers_; }

  // The kernel of this shape, compiled on first use; not to be called from inside parallel_for. The pointer
  // keeps it alive when the cache drops old shapes.
  std::shared_ptr<const ConvKernel> conv(const ConvShape& wanted);
  // The same with conv weights packed for it.
  ReadyConv ready(PaddedConvWeights& weights, const ConvShape& shape);
  ReadyConv ready(const KernelRequest& request) { return ready(*request.weights, request.shape); }

  // Compiles kernels and packs weights on all threads, before the plans that need them (nn/plan.h) are run.
  // Otherwise both happen on first use, on one thread: 1 to 5 ms per op and size.
  void compile(std::span<const KernelRequest> requests);

  // Kernels in the cache.
  size_t kernels() const { return kernels_.size(); }

  // Names of the implementations in the cache, sorted, each once.
  std::vector<std::string> implementations() const;

  // Where runs add their time, or null; see nn/stage_times.h.
  void set_times(StageTimes* times) { times_ = times; }
  StageTimes* times() { return times_; }

 private:
  friend class PaddedConvWeights;
  struct Engine;
  std::shared_ptr<ConvKernel> compile(const ConvShape& shape);
  void pack(std::vector<KernelRequest> requests);
  std::shared_ptr<ConvKernel> compile_direct(const ConvShape& shape);
  std::shared_ptr<ConvKernel> compile_winograd(const ConvShape& shape);
  void keep(std::shared_ptr<ConvKernel> kernel);

  ThreadPool& pool_;
  Element compute_;
  std::unique_ptr<Engine> engine_;
  std::vector<Workspace> workspaces_;
  BufferPool buffers_;
  std::map<ConvShape, std::shared_ptr<const ConvKernel>> kernels_;
  StageTimes* times_ = nullptr;
};

}  // namespace compass::nn
