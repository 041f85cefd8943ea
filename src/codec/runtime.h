// What an encoder and a decoder run on: one model's networks, threads, and the kernels compiled so far.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "codec/codec_options.h"
#include "codec/layer_synthesis.h"
#include "codec/pyramid_networks.h"
#include "core/size.h"
#include "core/thread_pool.h"
#include "model_file/model.h"
#include "nn/context.h"

namespace compass {

// Used by one thread at a time. Keep it for several pictures: they share kernels, packed weights and buffers.
struct CodecRuntime {
  CodecRuntime(std::shared_ptr<const Model> m, const CodecOptions& o)
      : model(std::move(m)),
        options(o),
        threads(o.pool ? o.pool : std::make_shared<ThreadPool>(o.threads)),
        pool(*threads),
        context(pool, o.precision),
        networks(model, context),
        synthesis(networks, buffers) {
    context.set_times(options.times);
  }

  // Whether a picture of this size has the kernels of all its plans compiled ahead, on all threads, by
  // compile(). In larger pictures most tiles share their kernels, and compiling them on first use takes
  // little of the time.
  static bool compiles_ahead(Size picture) { return picture.pixels() <= kCompileAheadPixels; }
  void compile(const std::vector<nn::KernelRequest>& kernels) {
    const nn::StageTimer timer(options.times, "kernels", 0.0);
    context.compile(kernels);
  }

  // The tables that layer k's z and y are coded with.
  const CdfTables& hyper_tables(int k) const { return model->hyper_tables(codec_of_layer(k)); }
  const CdfTables& latent_tables(int k) const { return model->latent_tables(codec_of_layer(k)); }

  static constexpr int64_t kCompileAheadPixels = int64_t{4} << 20;

  const std::shared_ptr<const Model> model;
  const CodecOptions options;
  const std::shared_ptr<ThreadPool> threads;
  ThreadPool& pool;
  nn::Context context;
  PyramidNetworks networks;
  TileBuffers buffers;
  LayerSynthesis synthesis;
};

}  // namespace compass
