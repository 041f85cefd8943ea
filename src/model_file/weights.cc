#include "model_file/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <span>
#include <variant>

#include "model_file/op_parameters.h"
#include "model_file/read_tensor.h"

namespace compass {
namespace {

using nn::Op;
using nn::OpKind;
using nn::OpWeights;
using nn::StoredWeights;

constexpr int kMaxShift = 24;

// GDN's stored parametrisation to its effective one.
void to_effective(std::vector<float>& values, double minimum) {
  const float bound = static_cast<float>(std::sqrt(minimum + nn::kGdnPedestal));
  for (float& v : values) {
    const float bounded = std::max(v, bound);
    v = bounded * bounded - static_cast<float>(nn::kGdnPedestal);
  }
}

// Every output's sum must stay below 2^24 in magnitude, so that f32 adds it exactly in any order.
Status check_exact(const Op& op, const OpWeights& w, std::span<const int32_t> weight, int max_input,
                   const std::string& place) {
  const size_t outputs = w.int_bias.size();
  const size_t taps = weight.size() / outputs;
  for (size_t o = 0; o < outputs; ++o) {
    const int32_t shift = w.int_shift[o];
    if (shift < 0 || shift > kMaxShift) return bad_tensor(place + "shift", "must lie in 0..24");
    int64_t sum = std::abs(static_cast<int64_t>(w.int_bias[o]));
    for (size_t i = o * taps; i < (o + 1) * taps; ++i) {
      const int64_t magnitude = std::abs(static_cast<int64_t>(weight[i]));
      if (weight[i] < -128 || weight[i] > 127) return bad_tensor(place + "weight", "must fit 8 bits");
      sum += max_input * magnitude;
    }
    sum += shift > 0 ? int64_t{1} << (shift - 1) : 0;
    if (sum >= nn::kExactLimit) {
      return bad_tensor(place + "weight",
                        fmt::format("output {} of {}: sums may reach {}, the limit is 2^24", o, op.out, sum));
    }
  }
  return {};
}

// A tensor of an op, wherever its values go. Integer weights are for read_integer_weights.
Status read_parameter(const Safetensors& file, const std::string& name, const Parameter& p) {
  if (auto* const* floats = std::get_if<std::vector<float>*>(&p.values)) {
    return read_floats(file, name, p.shape, **floats);
  }
  if (auto* const* integers = std::get_if<std::vector<int32_t>*>(&p.values)) {
    return read_integers(file, name, p.shape, **integers);
  }
  return read_weights(file, name, p.shape, *std::get<StoredWeights*>(p.values));
}

// The weights of an integer convolution, whose other tensors have been read.
Status read_integer_weights(const Safetensors& file, const std::string& place, const TensorShape& shape,
                            const Op& op, int max_input, OpWeights& w) {
  std::vector<int32_t> weight;
  if (Status s = read_integers(file, place + "weight", shape, weight); !s) return s;
  if (Status exact = check_exact(op, w, weight, max_input, place); !exact) return exact;
  const size_t outputs = w.int_bias.size();
  w.weight = {std::vector<int8_t>(weight.begin(), weight.end()), std::vector<float>(outputs, 1.0F)};
  w.bias.assign(w.int_bias.begin(), w.int_bias.end());
  return {};
}

Status read_network(const Safetensors& file, const std::vector<Op>& ops, const std::string& prefix,
                    int rate_points, std::vector<OpWeights>& out) {
  int max_input = nn::kMaxHyperSymbol;
  for (size_t i = 0; i < ops.size(); ++i) {
    const Op& op = ops[i];
    const std::string place = fmt::format("{}.{}.", prefix, i);
    OpWeights& w = out.emplace_back();
    const std::vector<Parameter> parameters = parameters_of(op, rate_points, w);
    const bool integer = op.kind == OpKind::kIntConv;
    for (const Parameter& p : parameters) {
      if (integer && std::holds_alternative<StoredWeights*>(p.values)) continue;
      if (Status read = read_parameter(file, place + p.name, p); !read) return read;
    }
    if (integer) {
      const TensorShape& shape = parameters.front().shape;
      if (Status s = read_integer_weights(file, place, shape, op, max_input, w); !s) return s;
      max_input = op.limit;
    }
    for (const float gain : w.log_gain) {
      if (std::abs(gain) > 20.0F) return bad_tensor(place + "log_gain", "must lie in -20..20");
    }
    to_effective(w.beta, nn::kGdnMinBeta);
    to_effective(w.gamma, 0.0);
  }
  return {};
}

// What planning looks at of a network that is not there: sizes of biases.
std::vector<OpWeights> unread_weights(const std::vector<Op>& ops) {
  std::vector<OpWeights> out;
  for (const Op& op : ops) {
    OpWeights& w = out.emplace_back();
    for (const Parameter& p : parameters_of(op, 1, w)) {
      auto* const* floats = std::get_if<std::vector<float>*>(&p.values);
      if (floats != nullptr && p.shape.size() == 1) (*floats)->assign(p.shape[0], 0.0F);
    }
  }
  return out;
}

// The tables and medians of what a codec codes.
Status read_symbol_tables(const Safetensors& file, const CodecDescription& codec, const std::string& prefix,
                          CodecWeights& w) {
  const bool factorised = codec.factorised();
  const int64_t channels = factorised ? codec.latent_channels : codec.hyper_channels;
  const std::string own = prefix + (factorised ? ".y" : ".z");  // what has a row for each channel
  w.medians.assign(channels, 0.0F);
  if (codec.quantise == Quantise::kMedians) {
    if (Status s = read_floats(file, own + ".median", {channels}, w.medians); !s) return s;
  }
  auto rows = read_channel_tables(file, own, channels);
  if (!rows) return rows.error();
  if (factorised) {
    w.y = rows->behind_spare_row();
    return {};
  }
  w.z = std::move(*rows);
  auto latent_tables = read_latent_tables(file, prefix + ".y", codec.trellis ? 2 : 1);
  if (!latent_tables) return latent_tables.error();
  w.y = std::move(*latent_tables);
  return {};
}

}  // namespace

Result<CodecWeights> read_codec_weights(const Safetensors& file, const CodecDescription& codec,
                                        const std::string& prefix, int rate_points, bool encodes) {
  CodecWeights w;
  const auto network = [&](const char* name, const std::vector<Op>& ops, std::vector<OpWeights>& out) {
    return read_network(file, ops, prefix + "." + name, rate_points, out);
  };
  const auto analysis = [&](const char* name, const std::vector<Op>& ops, std::vector<OpWeights>& out) {
    if (encodes) return network(name, ops, out);
    out = unread_weights(ops);
    return Status();
  };
  if (Status s = analysis("g_a", codec.g_a, w.g_a); !s) return s.error();
  if (Status s = network("g_s", codec.g_s, w.g_s); !s) return s.error();
  if (Status s = analysis("h_a", codec.h_a, w.h_a); !s) return s.error();
  if (Status s = network("h_s", codec.h_s, w.h_s); !s) return s.error();
  if (Status s = network("h_scales", codec.h_scales, w.h_scales); !s) return s.error();

  if (Status s = read_symbol_tables(file, codec, prefix, w); !s) return s.error();
  if (codec.filter) {
    w.filter.directions = *codec.filter;
    const TensorShape shape{1 + *codec.filter, 3, kFilterTaps, kFilterGates};
    if (Status s = read_floats(file, prefix + ".filter", shape, w.filter.values); !s) return s.error();
  }
  return w;
}

Result<std::vector<OpWeights>> read_network_weights(const Safetensors& file, const std::vector<Op>& ops,
                                                    const std::string& prefix, int rate_points) {
  std::vector<OpWeights> weights;
  if (Status s = read_network(file, ops, prefix, rate_points, weights); !s) return s.error();
  return weights;
}

}  // namespace compass
