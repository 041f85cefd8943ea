#include "model_file/liff_weights.h"

#include <fmt/format.h>

#include "model_file/read_tensor.h"

namespace compass {

Status for_each_liff_layer(const LiffDescription& d, LiffWeights& w,
                           const std::function<Status(const std::string&, ConvWeights&, bool)>& visit) {
  Status status;
  const auto conv = [&](const std::string& name, ConvWeights& c, int in, int out, int kernel, bool dense) {
    if (!status) return;
    c.in = in;
    c.out = out;
    c.kernel = kernel;
    status = visit("liff." + name, c, dense);
  };
  conv("sfe1", w.sfe1, 3, d.g0, 3, false);
  conv("sfe2", w.sfe2, d.g0, d.g0, 3, false);
  w.block_convs.assign(d.blocks, std::vector<ConvWeights>(d.convs));
  w.block_fuse.resize(d.blocks);
  for (int b = 0; b < d.blocks; ++b) {
    for (int i = 0; i < d.convs; ++i) {
      conv(fmt::format("rdb.{}.conv.{}", b, i), w.block_convs[b][i], d.g0 + i * d.growth, d.growth, 3, false);
    }
    conv(fmt::format("rdb.{}.fuse", b), w.block_fuse[b], d.g0 + d.convs * d.growth, d.g0, 1, false);
  }
  conv("gff1", w.gff1, d.g0 * d.blocks, d.g0, 1, false);
  conv("gff2", w.gff2, d.g0, d.g0, 3, false);
  w.mlp.resize(d.hidden.size() + 1);
  int in = d.mlp_inputs();
  for (size_t i = 0; i < w.mlp.size(); ++i) {
    const int out = i < d.hidden.size() ? d.hidden[i] : d.mlp_outputs();
    conv(fmt::format("mlp.{}", i), w.mlp[i], in, out, 1, true);
    in = out;
  }
  return status;
}

namespace {

Status read_conv(const Safetensors& file, const std::string& name, ConvWeights& conv, bool dense) {
  const int64_t k = conv.kernel;
  const TensorShape shape = dense ? TensorShape{conv.out, conv.in} : TensorShape{conv.out, conv.in, k, k};
  if (Status s = read_weights(file, name + ".weight", shape, conv.weight); !s) return s;
  return read_floats(file, name + ".bias", {conv.out}, conv.bias);
}

}  // namespace

Result<LiffWeights> read_liff_weights(const Safetensors& file, const LiffDescription& liff) {
  LiffWeights w;
  const Status status =
      for_each_liff_layer(liff, w, [&](const std::string& name, ConvWeights& conv, bool dense) {
        return read_conv(file, name, conv, dense);
      });
  if (!status) return status.error();
  return w;
}

}  // namespace compass
