// Counts what y's symbols are under the trained weights, for the tables of the exported model.
#include "on_threads.h"
#include "trainer.h"

namespace compass::train {
namespace {

void add(SymbolCounts& counts, const LayerOutput& layer) {
  if (!layer.scale_indexes.defined()) return;  // a factorised prior, whose tables its density makes
  const Tensor indexes = layer.scale_indexes.to(at::kCPU).contiguous();
  const Tensor symbols = layer.symbols.to(at::kCPU, at::kInt).contiguous();
  const auto count = static_cast<size_t>(symbols.numel());
  counts.add({indexes.data_ptr<uint8_t>(), count}, {symbols.data_ptr<int32_t>(), count});
}

}  // namespace

CodecCounts Trainer::count_symbols() {
  const Stage& stage = stages()[current()];
  const auto patches = options_.config.training.counted_patches;
  const int64_t steps = (patches + stage.batch - 1) / stage.batch;
  std::vector<CodecCounts> counts(workers_.size());
  on_threads(static_cast<int64_t>(workers_.size()), [&](int64_t i) {
    const torch::NoGradGuard guard;  // thread-local
    for (int64_t n = 0; n < steps; ++n) {
      const int64_t step = stage.steps + n;  // pictures that no step of the stage has drawn
      const Batch batch = draw(stage, step, i);
      Worker& worker = workers_[i];
      worker.noise.set_current_seed(seed(step, -1 - number_of(i)));
      const auto code = [&](const std::vector<Tensor>& layers) {
        const Tensor u = at::rand({}, worker.noise, at::TensorOptions().device(device_));
        const Pass pass{spread_rates(layers.back().size(0), i, u), {}, dtype_, worker.noise};
        const auto outputs = worker.system->forward(layers, pass, stage.prediction, Quantisation::kRounding);
        for (size_t k = 0; k < outputs.size(); ++k) {
          add(counts[i].of_layer(k, !worker.system->mei.is_empty()), outputs[k]);
        }
      };
      code(batch.layers);
      if (batch.base.defined()) code({batch.base});
    }
  });
  for (size_t i = 1; i < counts.size(); ++i) {
    counts[0].base.add(counts[i].base);
    counts[0].enhancement.add(counts[i].enhancement);
    counts[0].second.add(counts[i].second);
  }
  return std::move(counts[0]);
}

}  // namespace compass::train
