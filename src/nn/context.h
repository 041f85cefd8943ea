// What networks run on: a thread pool, a number format, kernels and each worker's memory.
//
// A kernel computes the convolution of a small tile without padding, on one thread. Threads are shared out
// over tiles. So neither a kernel's shape nor a result depends on the picture's edges or on the number of
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/precision.h"
#include "core/thread_pool.h"
#include "nn/arithmetic.h"
#include "nn/conv_kernel.h"
#include "nn/footprint.h"
#include "nn/map.h"
#include "nn/stage_times.h"

namespace compass::nn {

class Bf16Backend;
class PaddedConvWeights;

// What a wish becomes on this CPU, never kAuto: kBF16 where it has matrix tiles for that, kExact where that
// costs less than a tenth of the time, else kF32. kBF16 becomes kF32 on a CPU, or in a build, without bf16.
// `pixels` are those of the largest layer: pictures of several tiles take longer in kExact, whose halos are
// larger.
Precision resolve(Precision wish, int64_t pixels = 0);

// The largest pictures that kAuto may compute exactly: 2048x2048.
inline constexpr int64_t kMaxExactPixels = int64_t{1} << 22;

// A kernel that a plan runs, and the conv weights to be packed for it.
struct KernelRequest {
  PaddedConvWeights* weights = nullptr;
  ConvShape shape;
};

// A kernel and conv weights in its memory order, ready to run.
struct ReadyConv {
  std::shared_ptr<const ConvKernel> kernel;
  const PackedConvWeights* weights = nullptr;
  void run(Workspace& workspace, int worker, const void* source, void* target) const {
    kernel->run(workspace, worker, source, *weights, target);
  }
};

// Calls throw std::bad_alloc if they, or the library for bf16, cannot allocate, and std::runtime_error for
// other failures of that. A context can be used again after either.
class Context {
 public:
  // The pool must outlive the context. A context is used by one thread at a time (and the pool's workers).
  explicit Context(ThreadPool& pool, Precision precision = Precision::kAuto);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  ThreadPool& pool() { return pool_; }
  // With kAuto: computes from now on as suits a picture whose largest layer has so many pixels. Plans that
  // were made before are no longer good. Otherwise nothing changes.
  void suit(int64_t pixels);
  Precision precision() const;                  // what it computes in now, never kAuto
  Element compute() const { return compute_; }  // the format that networks multiply in
  // How f32 rounds. With kExact every map is computed in whole blocks of Winograd's algorithm, so that parts
  // equal the whole to the last bit.
  Arithmetic arithmetic() const { return arithmetic_; }
  Reach reach() const { return arithmetic_ == Arithmetic::kExact ? Reach::kBlocks : Reach::kOutputs; }
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
  std::shared_ptr<const ConvKernel> compile(const ConvShape& shape);
  void pack(std::vector<KernelRequest> requests);
  void keep(std::shared_ptr<const ConvKernel> kernel);

  ThreadPool& pool_;
  Precision wish_;
  Element compute_;
  Arithmetic arithmetic_;
  std::unique_ptr<Bf16Backend> bf16_;  // null in f32
  std::vector<Workspace> workspaces_;
  BufferPool buffers_;
  std::map<ConvShape, std::shared_ptr<const ConvKernel>> kernels_;
  StageTimes* times_ = nullptr;
};

}  // namespace compass::nn
