// What an encoder and a decoder run on: one model's networks, threads, and the kernels compiled so far.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "codec/codec_options.h"
#include "codec/layer_synthesis.h"
#include "codec/pyramid_networks.h"
#include "core/size.h"
#include "core/thread_pool.h"
#include "model_file/model.h"
#include "nn/context.h"

namespace compass {

// Used by one thread at a time; calls share kernels, packed weights and buffers, so that it pays to keep it.
struct CodecRuntime {
  CodecRuntime(std::shared_ptr<const Model> m, const CodecOptions& o)
      : model(std::move(m)),
        options(o),
        pool(o.threads),
        context(pool, o.precision),
        networks(model, context),
        synthesis(networks, buffers) {
    context.set_times(options.times);
  }

  // Compiles kernels and packs weights ahead, on all threads, for a picture of this size: `dry_run` calls the
  // prepare() of what will run for every layer to come. In pictures of more pixels than
  // kPrepareAllPixels most tiles are alike, the few kernels made on the way do not count, and this does
  // nothing.
  void prepare(Size picture, const std::function<void()>& dry_run) {
    if (picture.pixels() > kPrepareAllPixels) return;
    const nn::StageTimer timer(options.times, "kernels", 0.0);
    context.prepare(dry_run);
  }

  // The tables that layer k's z and y are coded with.
  const CdfTables& hyper_tables(int k) const { return model->hyper_tables(codec_of_layer(k)); }
  const CdfTables& latent_tables(int k) const { return model->latent_tables(codec_of_layer(k)); }

  static constexpr int64_t kPrepareAllPixels = int64_t{4} << 20;

  const std::shared_ptr<const Model> model;
  const CodecOptions options;
  ThreadPool pool;
  nn::Context context;
  PyramidNetworks networks;
  TileBuffers buffers;
  LayerSynthesis synthesis;
};

}  // namespace compass
