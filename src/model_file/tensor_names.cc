// Names of a model's tensors, of weights.h.
#include <fmt/format.h>

#include <algorithm>

#include "model_file/liff_weights.h"
#include "model_file/op_parameters.h"

namespace compass {

using nn::Op;
using nn::OpWeights;

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
    const Status listed =
        for_each_liff_layer(*d.liff, unused, [&](const std::string& name, ConvWeights&, bool) {
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
