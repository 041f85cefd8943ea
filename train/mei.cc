#include "mei.h"

#include "layout.h"
#include "mei/mei_model.h"

namespace compass::train {

MeiLayerImpl::MeiLayerImpl(const MeiLayerDescription& d) : CodecImpl(d.codec, 1) {
  const auto analysis = [&](const char* name, const std::vector<nn::Op>& ops) {
    return register_module(name, Network(ops, ops, 1));
  };
  reduce = analysis("reduce", d.prediction.reduce);
  first = analysis("first", d.prediction.first);
  second = analysis("second", d.prediction.second);
  enlarge = register_module("enlarge", Network(d.prediction.enlarge, halvings(2), 1));
  context = register_module("context", Network(d.prediction.context, halvings(1), 1));
}

Tensor MeiLayerImpl::predict(const Tensor& below, const Pass& pass) {
  const Tensor a = reduce->analyse(channels_last(below.to(pass.dtype)), pass);
  const Tensor ab = a + first->analyse(a, pass);
  const Tensor abc = ab + second->analyse(ab, pass);
  return enlarge->synthesise(abc, pass, {2 * below.size(2), 2 * below.size(3)}).to(at::kFloat);
}

Tensor MeiLayerImpl::context_of(const Tensor& below, const Pass& pass) {
  const MapSize twice{2 * below.size(2), 2 * below.size(3)};
  return context->synthesise(channels_last(below.to(pass.dtype)), pass, twice).to(at::kFloat);
}

MeiImpl::MeiImpl(const MeiDescription& d) : description(d) {
  for (size_t k = 0; k < d.layers.size(); ++k) {
    layers.push_back(register_module(mei_layer_prefix(k + 1), MeiLayer(d.layers[k])));
  }
}

CodecOutput MeiImpl::code(size_t k, const Tensor& x, Tensor& below, const Pass& pass,
                          Quantisation quantisation) {
  MeiLayer& layer = layers[k];
  const Tensor predicted = layer->predict(below, pass);
  CodecOutput out = layer->code(layer->analyse(x, pass) - predicted, pass, quantisation);
  out.y_hat = out.y_hat + predicted;
  below = at::cat({layer->context_of(below, pass), out.y_hat}, 1);
  out.x_hat = layer->synthesise(below, pass, {x.size(2), x.size(3)});
  return out;
}

}  // namespace compass::train
