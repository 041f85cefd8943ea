// bf16 by oneDNN: the convolution of a small tile without padding, on one thread.
#include <array>
#include <vector>

#include "core/memory.h"
#include "nn/bf16/backend.h"
#include "nn/bf16/onednn.h"

// OpenMP's control functions. Declared here, they need no compiler switch; oneDNN links the OpenMP runtime.
extern "C" {
int omp_get_max_threads(void);
void omp_set_num_threads(int threads);
}

namespace compass::nn {
namespace {

using dnnl::memory;

memory::data_type type_of(Element e) {
  return e == Element::kF32 ? memory::data_type::f32 : memory::data_type::bf16;
}

struct Engine {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  std::vector<dnnl::stream> streams;  // one per worker
};

struct ReorderedWeights final : PackedConvWeights {
  memory weights;
  memory bias;
};

// oneDNN's code generators write to invalid memory if they cannot allocate memory for code. So before each is
// called, there has to be more memory than all threads that may generate code at the same time take.
void require_room_for_code(size_t threads) {
  constexpr size_t kForOne = size_t{2} << 20;
  constexpr size_t kForAll = size_t{16} << 20;
  require_room(kForAll + kForOne * threads);
}

class OneDnnConv final : public ConvKernel {
 public:
  OneDnnConv(const ConvShape& shape, std::shared_ptr<Engine> engine,
             const dnnl::convolution_forward::primitive_desc& made)
      : ConvKernel(shape, made.impl_info_str()),
        engine_(std::move(engine)),
        primitive_(made),
        weights_(made.weights_desc()),
        scratch_bytes_(made.scratchpad_desc().get_size()) {
    const auto handle = [&](const memory::desc& d) { return memory(d, engine_->engine, DNNL_MEMORY_NONE); };
    for (size_t i = 0; i < engine_->streams.size(); ++i) {
      workers_.push_back({handle(made.src_desc()), handle(made.dst_desc()), handle(made.scratchpad_desc())});
    }
  }

  size_t scratch_bytes() const override { return scratch_bytes_; }

  void run(Workspace& workspace, int worker, const void* source, const PackedConvWeights& weights,
           void* target) const override {
    const SingleThreaded scope;
    const Handles& handles = workers_[worker];
    const auto& packed = static_cast<const ReorderedWeights&>(weights);
    check(dnnl_memory_set_data_handle(handles.source.get(), const_cast<void*>(source)), "handing over input");
    check(dnnl_memory_set_data_handle(handles.target.get(), target), "handing over output");
    check(dnnl_memory_set_data_handle(handles.scratch.get(), workspace.get(Workspace::kScratch, 0)),
          "handing over scratch memory");
    const std::array<dnnl_exec_arg_t, 5> args{{{DNNL_ARG_SRC, handles.source.get()},
                                               {DNNL_ARG_WEIGHTS, packed.weights.get()},
                                               {DNNL_ARG_BIAS, packed.bias.get()},
                                               {DNNL_ARG_DST, handles.target.get()},
                                               {DNNL_ARG_SCRATCHPAD, handles.scratch.get()}}};
    check(dnnl_primitive_execute(primitive_.get(), engine_->streams[worker].get(),
                                 static_cast<int>(args.size()), args.data()),
          "a convolution");
  }

  std::unique_ptr<PackedConvWeights> pack(const float* weights, const float* bias, Workspace& workspace,
                                          int worker) const override {
    const SingleThreaded scope;
    require_room_for_code(engine_->streams.size());
    return checked([&] { return reordered(weights, bias, workspace, engine_->streams[worker]); });
  }

  bool reads(const PackedConvWeights& weights) const override {
    const auto* packed = dynamic_cast<const ReorderedWeights*>(&weights);
    return packed != nullptr && packed->weights.get_desc() == weights_;
  }

 private:
  // Made once for each worker; runs only set the pointers inside.
  struct Handles {
    memory source, target, scratch;
  };

  // Uses the workspace's kScratch.
  std::unique_ptr<PackedConvWeights> reordered(const float* weights, const float* bias, Workspace& workspace,
                                               dnnl::stream& stream) const {
    const ConvShape& s = shape();
    const dnnl::engine& engine = engine_->engine;
    auto packed = std::make_unique<ReorderedWeights>();
    packed->bias =
        memory({{s.out}, memory::data_type::f32, memory::format_tag::x}, engine, const_cast<float*>(bias));
    packed->weights = memory(weights_, engine);
    if (weights_.get_size() > 0 && packed->weights.get_data_handle() == nullptr) throw std::bad_alloc();
    memory source({{s.out, s.in, s.kernel_h, s.kernel_w}, memory::data_type::f32, memory::format_tag::oihw},
                  engine, const_cast<float*>(weights));
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc made(source, packed->weights, attributes);
    const memory::desc scratch = made.scratchpad_desc();
    memory scratchpad(scratch, engine, workspace.get(Workspace::kScratch, scratch.get_size()));
    dnnl::reorder(made).execute(
        stream, {{DNNL_ARG_FROM, source}, {DNNL_ARG_TO, packed->weights}, {DNNL_ARG_SCRATCHPAD, scratchpad}});
    stream.wait();
    return packed;
  }

  std::shared_ptr<Engine> engine_;
  dnnl::convolution_forward primitive_;
  memory::desc weights_;
  std::vector<Handles> workers_;
  size_t scratch_bytes_;
};

class OneDnnBackend final : public Bf16Backend {
 public:
  explicit OneDnnBackend(int workers) : engine_(std::make_shared<Engine>()) {
    for (int i = 0; i < workers; ++i) engine_->streams.emplace_back(engine_->engine);
  }

  std::shared_ptr<const ConvKernel> compile(const ConvShape& shape) override {
    require_room_for_code(engine_->streams.size());
    return checked([&] { return compiled(shape); });
  }

 private:
  std::shared_ptr<const ConvKernel> compiled(const ConvShape& shape) {
    const SingleThreaded scope;
    using tag = memory::format_tag;
    const auto format = type_of(shape.source);
    const ConvolutionMaps maps{
        .source{{1, shape.in, shape.in_rows(), shape.in_cols()}, format, tag::nhwc},
        .weights{{shape.out, shape.in, shape.kernel_h, shape.kernel_w}, format, tag::any},
        .bias{{shape.out}, memory::data_type::f32, tag::x},
        .target{{1, shape.out, shape.rows, shape.cols}, type_of(shape.target), tag::nhwc}};
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    if (shape.act != Act::kNone) {
      dnnl::post_ops after;
      append_relu(after, slope_of(shape.act));
      attributes.set_post_ops(after);
    }
    const auto made = direct_convolution(engine_->engine, maps, shape.stride, 0, attributes);
    return std::make_shared<OneDnnConv>(shape, engine_, made);
  }

  std::shared_ptr<Engine> engine_;
};

}  // namespace

SingleThreaded::SingleThreaded() : before_(omp_get_max_threads()) {
  if (before_ != 1) omp_set_num_threads(1);
}
SingleThreaded::~SingleThreaded() {
  if (before_ != 1) omp_set_num_threads(before_);
}

Bf16Support bf16_support() {
  const bool amx = uses(dnnl::cpu_isa::avx512_core_amx);
  const bool native = uses(dnnl::cpu_isa::avx512_core_bf16);
  return {.available = native, .amx = amx};
}

std::unique_ptr<Bf16Backend> make_bf16_backend(int workers) {
  return checked([&] { return std::make_unique<OneDnnBackend>(workers); });
}

}  // namespace compass::nn
