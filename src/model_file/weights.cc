#include "model_file/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <span>
#include <variant>

namespace compass {
namespace {

using nn::Op;
using nn::OpKind;
using nn::OpWeights;
using nn::StoredWeights;
using Shape = std::vector<int64_t>;

constexpr int kScaleRows = 64;
constexpr int kMaxShift = 24;

// A tensor of an op: its name, its shape, and where its values go. Conv weights stay as the file has them.
struct Parameter {
  const char* name;
  Shape shape;
  std::variant<StoredWeights*, std::vector<float>*, std::vector<int32_t>*> values;
};

// The parameters of one op, in no particular order. `w` may be written through the result.
std::vector<Parameter> parameters_of(const Op& op, int rate_points, OpWeights& w) {
  const int64_t in = op.in;
  const int64_t out = op.out;
  const int64_t k = op.kernel;
  const int64_t area = static_cast<int64_t>(op.factor) * op.factor;
  switch (op.kind) {
    case OpKind::kConv:
      return {{"weight", {out, in, k, k}, &w.weight}, {"bias", {out}, &w.bias}};
    case OpKind::kDeconv:
      return {{"weight", {in, out, k, k}, &w.weight}, {"bias", {out}, &w.bias}};
    case OpKind::kSubpel:
      return {{"weight", {out * area, in, k, k}, &w.weight}, {"bias", {out * area}, &w.bias}};
    case OpKind::kCondition:
      return {{"weight", {out, in * area, k, k}, &w.weight}, {"bias", {out}, &w.bias}};
    case OpKind::kRes:
      return {{"conv1.weight", {op.hidden, in, k, k}, &w.weight},
              {"conv1.bias", {op.hidden}, &w.bias},
              {"conv2.weight", {out, op.hidden, k, k}, &w.weight2},
              {"conv2.bias", {out}, &w.bias2}};
    case OpKind::kGdn:
    case OpKind::kIgdn:
      return {{"beta", {in}, &w.beta}, {"gamma", {in, in}, &w.gamma}};
    case OpKind::kRateGain:
      return {{"log_gain", {rate_points, in}, &w.log_gain}};
    case OpKind::kIntConv:
      return {{"weight", {out * area, in, k, k}, &w.weight},
              {"bias", {out * area}, &w.int_bias},
              {"shift", {out * area}, &w.int_shift}};
    case OpKind::kUnshuffle:
    case OpKind::kShuffle:
      return {};
  }
  return {};
}

std::string text(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

Error bad(const std::string& tensor, const std::string& what) {
  return {ErrorCode::kModel, "model tensor '" + tensor + "' " + what};
}

// The named tensor, if it has this shape. Sides of -1 match anything.
Result<const TensorView*> find(const Safetensors& file, const std::string& name, const Shape& shape) {
  const TensorView* view = file.find(name);
  if (view == nullptr) return bad(name, "is missing");
  const bool same = view->shape.size() == shape.size() &&
                    std::equal(shape.begin(), shape.end(), view->shape.begin(),
                               [](int64_t want, int64_t have) { return want == -1 || want == have; });
  if (!same) return bad(name, fmt::format("has shape {}, needs {}", text(view->shape), text(shape)));
  return view;
}

// The named tensor's values, as read(view) gives them, if it has this shape.
template <typename Values, typename Read>
Status read_tensor(const Safetensors& file, const std::string& name, const Shape& shape, Values& out,
                   const Read& read) {
  const auto view = find(file, name, shape);
  if (!view) return view.error();
  auto values = read(**view);
  if (!values) return bad(name, values.error().message);
  out = std::move(*values);
  return {};
}

Status read_floats(const Safetensors& file, const std::string& name, const Shape& shape,
                   std::vector<float>& out) {
  return read_tensor(file, name, shape, out, [&](const TensorView&) { return file.floats(name); });
}

Status read_weights(const Safetensors& file, const std::string& name, const Shape& shape,
                    StoredWeights& out) {
  return read_tensor(file, name, shape, out, [&](const TensorView&) { return file.weights(name); });
}

Status read_integers(const Safetensors& file, const std::string& name, const Shape& shape,
                     std::vector<int32_t>& out) {
  return read_tensor(file, name, shape, out, [](const TensorView& view) { return view.integers(); });
}

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
    if (shift < 0 || shift > kMaxShift) return bad(place + "shift", "must lie in 0..24");
    int64_t sum = std::abs(static_cast<int64_t>(w.int_bias[o]));
    for (size_t i = o * taps; i < (o + 1) * taps; ++i) {
      const int64_t magnitude = std::abs(static_cast<int64_t>(weight[i]));
      if (weight[i] < -128 || weight[i] > 127) return bad(place + "weight", "must fit 8 bits");
      sum += max_input * magnitude;
    }
    sum += shift > 0 ? int64_t{1} << (shift - 1) : 0;
    if (sum >= nn::kExactLimit) {
      return bad(place + "weight",
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
Status read_integer_weights(const Safetensors& file, const std::string& place, const Shape& shape,
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
      const Shape& shape = parameters.front().shape;
      if (Status s = read_integer_weights(file, place, shape, op, max_input, w); !s) return s;
      max_input = op.limit;
    }
    for (const float gain : w.log_gain) {
      if (std::abs(gain) > 20.0F) return bad(place + "log_gain", "must lie in -20..20");
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

Status read_conv(const Safetensors& file, const std::string& name, ConvWeights& conv, bool dense = false) {
  const int64_t k = conv.kernel;
  const Shape shape = dense ? Shape{conv.out, conv.in} : Shape{conv.out, conv.in, k, k};
  if (Status s = read_weights(file, name + ".weight", shape, conv.weight); !s) return s;
  return read_floats(file, name + ".bias", {conv.out}, conv.bias);
}

// Calls visit(name, conv, dense) for every layer of LIFF, widths set, parameters empty.
Status for_each_conv(const LiffDescription& d, LiffWeights& w,
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
  int in = 9 * d.g0 + 4;
  for (size_t i = 0; i < w.mlp.size(); ++i) {
    const int out = i < d.hidden.size() ? d.hidden[i] : d.mlp_outputs();
    conv(fmt::format("mlp.{}", i), w.mlp[i], in, out, 1, true);
    in = out;
  }
  return status;
}

}  // namespace

namespace {

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
    const Shape shape{1 + *codec.filter, 3, kFilterTaps, kFilterGates};
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

Result<LiffWeights> read_liff_weights(const Safetensors& file, const LiffDescription& liff) {
  LiffWeights w;
  const Status status = for_each_conv(liff, w, [&](const std::string& name, ConvWeights& conv, bool dense) {
    return read_conv(file, name, conv, dense);
  });
  if (!status) return status.error();
  return w;
}

Result<CdfTables> read_latent_tables(const Safetensors& file, const std::string& prefix, int quantisers) {
  const int64_t rows = int64_t{quantisers} * kScaleRows;
  std::vector<int32_t> cdf;
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;
  if (Status s = read_integers(file, prefix + ".cdf", {-1}, cdf); !s) return s.error();
  if (Status s = read_integers(file, prefix + ".length", {rows}, lengths); !s) return s.error();
  if (Status s = read_integers(file, prefix + ".offset", {rows}, offsets); !s) return s.error();
  const auto use = quantisers == 2 ? CdfTables::Use::kTrellis : CdfTables::Use::kSymbols;
  auto tables = CdfTables::from_ragged(cdf, lengths, offsets, use);
  if (!tables) return bad(prefix + ".cdf", tables.error().message);
  return tables;
}

Result<CdfTables> read_channel_tables(const Safetensors& file, const std::string& prefix, int64_t channels) {
  std::vector<int32_t> cdf;
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;
  if (Status s = read_integers(file, prefix + ".cdf", {channels, -1}, cdf); !s) return s.error();
  if (Status s = read_integers(file, prefix + ".length", {channels}, lengths); !s) return s.error();
  if (Status s = read_integers(file, prefix + ".offset", {channels}, offsets); !s) return s.error();
  auto tables = CdfTables::from_padded(cdf, lengths, offsets);
  if (!tables) return bad(prefix + ".cdf", tables.error().message);
  return tables;
}

std::vector<std::string> network_tensor_names(const std::vector<Op>& ops, const std::string& prefix) {
  std::vector<std::string> names;
  for (size_t i = 0; i < ops.size(); ++i) {
    OpWeights unused;
    for (const Parameter& p : parameters_of(ops[i], 1, unused)) {
      names.push_back(fmt::format("{}.{}.{}", prefix, i, p.name));
    }
  }
  return names;
}

std::vector<std::string> codec_tensor_names(const CodecDescription& c, const std::string& prefix) {
  std::vector<std::string> names;
  const auto network = [&](const char* name, const std::vector<Op>& ops) {
    const auto more = network_tensor_names(ops, prefix + "." + name);
    names.insert(names.end(), more.begin(), more.end());
  };
  network("g_a", c.g_a);
  network("g_s", c.g_s);
  network("h_a", c.h_a);
  network("h_s", c.h_s);
  network("h_scales", c.h_scales);
  const auto tables = [&](const std::string& of) {
    for (const char* table : {".cdf", ".length", ".offset"}) names.push_back(of + table);
  };
  tables(prefix + ".y");
  if (!c.factorised()) tables(prefix + ".z");
  if (c.quantise == Quantise::kMedians) names.push_back(prefix + (c.factorised() ? ".y" : ".z") + ".median");
  if (c.filter) names.push_back(prefix + ".filter");
  return names;
}

std::vector<std::string> tensor_names(const Description& d) {
  std::vector<std::string> names = codec_tensor_names(d.base, "base");
  if (d.enhancement) {
    const auto more = codec_tensor_names(*d.enhancement, "enhancement");
    names.insert(names.end(), more.begin(), more.end());
  }
  if (d.liff) {
    LiffWeights unused;
    const Status listed = for_each_conv(*d.liff, unused, [&](const std::string& name, ConvWeights&, bool) {
      names.push_back(name + ".weight");
      names.push_back(name + ".bias");
      return Status();
    });
    (void)listed;  // the visitor never fails
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool is_scale_tensor(const Safetensors& file, std::string_view name) {
  return file.holds_scales(name) && name.find(".h_scales.") == std::string_view::npos;
}

bool is_density_tensor(std::string_view name) {
  for (const std::string_view codec : {"base.", "enhancement."}) {
    if (!name.starts_with(codec)) continue;
    const std::string_view rest = name.substr(codec.size());
    return rest.starts_with("z.density.") || rest.starts_with("y.density.");
  }
  return false;
}

}  // namespace compass
