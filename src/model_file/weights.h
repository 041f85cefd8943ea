// The parameters of a model's networks, read from its tensors and checked against its description.
#pragma once

#include <string_view>
#include <vector>

#include "core/result.h"
#include "entropy/cdf_tables.h"
#include "graph/op.h"
#include "model_file/description.h"
#include "model_file/filter_shape.h"
#include "model_file/safetensors.h"

namespace compass {

// A loop filter's weights (codec/loop_filter.h): one set that always counts, then `directions` more, which a
// file's coefficients multiply.
inline constexpr int kFilterWeights = 3 * kFilterTaps * kFilterGates;
struct FilterWeights {
  int directions = 0;
  std::vector<float> values;  // [1+directions][3][kFilterTaps][kFilterGates]; empty: no filter
  bool empty() const { return values.empty(); }
  const float* set(int i) const { return values.data() + static_cast<size_t>(i) * kFilterWeights; }
};

// One codec's parameters, one entry per op, and the tables of its symbols.
struct CodecWeights {
  std::vector<nn::OpWeights> g_a, g_s, h_a, h_s, h_scales;
  std::vector<float> medians;  // [hyper_channels], of y [latent_channels] with a factorised prior; zeros
                               // unless quantise is kMedians
  CdfTables z;                 // one row per hyper channel; none with a factorised prior
  // One row per scale index; with a trellis, as many more for its second quantiser. With a factorised prior
  // row 1 + c is channel c's, since elements of index 0 are not coded one by one (entropy/layer_coder.h).
  CdfTables y;
  FilterWeights filter;
};

// A convolution or, with a 1x1 kernel, a dense layer: weight [out,in,k,k], bias [out].
struct ConvWeights {
  int in = 0;
  int out = 0;
  int kernel = 1;
  nn::StoredWeights weight;
  std::vector<float> bias;
};

struct LiffWeights {
  ConvWeights sfe1, sfe2, gff1, gff2;
  std::vector<std::vector<ConvWeights>> block_convs;  // [blocks][convs]
  std::vector<ConvWeights> block_fuse;                // [blocks]
  std::vector<ConvWeights> mlp;                       // hidden layers, then the one that makes pixel weights
};

// The tensors under `prefix` ("base" or "enhancement"). Errors: kModel naming the tensor: missing, wrong
// shape or dtype, not finite, out of range; an integer network whose sums could reach 2^24; bad tables.
// Without `encodes` those of g_a and h_a are not read: biases are zeros, which planning looks at, the rest is
// empty.
Result<CodecWeights> read_codec_weights(const Safetensors& file, const CodecDescription& codec,
                                        const std::string& prefix, int rate_points, bool encodes);
// Those of one network alone, whose ops are under `prefix` ("base.g_a").
Result<std::vector<nn::OpWeights>> read_network_weights(const Safetensors& file,
                                                        const std::vector<nn::Op>& ops,
                                                        const std::string& prefix, int rate_points);
Result<LiffWeights> read_liff_weights(const Safetensors& file, const LiffDescription& liff);

// The rows for y whose tensors are named `prefix` ("base.y"), ".cdf" and so on: 64 for each of `quantisers`.
// Errors as above.
Result<CdfTables> read_latent_tables(const Safetensors& file, const std::string& prefix, int quantisers = 1);

// The rows of so many channels whose tensors are named `prefix` ("base.z"): one each. Errors as above.
Result<CdfTables> read_channel_tables(const Safetensors& file, const std::string& prefix, int64_t channels);

// Names of every tensor that a model of this description has, sorted. The optional ones below are not among
// them.
std::vector<std::string> tensor_names(const Description& description);
// Those of one codec, and of one network, in no particular order.
std::vector<std::string> codec_tensor_names(const CodecDescription& codec, const std::string& prefix);
std::vector<std::string> network_tensor_names(const std::vector<nn::Op>& ops, const std::string& prefix);

// Whether a tensor belongs to the learned density that tables of channels were made from
// ("base.z.density.matrix0"; with a factorised prior "base.y.density.matrix0").
// A file may hold it for export and further training; coding does not read it and the model's id does not
// depend on it.
bool is_density_tensor(std::string_view name);

// Whether a tensor holds the scales of conv weights kept in 8 bits ("base.g_a.2.conv1.weight.step").
bool is_scale_tensor(const Safetensors& file, std::string_view name);

}  // namespace compass
