#include "export.h"

#include "mei/mei_model.h"
#include "model_file/model_ids.h"
#include "model_writer/safetensors_writer.h"
#include "priors/factorised_prior.h"

namespace compass::train {
namespace {

std::vector<float> floats(const Tensor& t) {
  const Tensor flat = t.detach().to(at::kCPU, at::kFloat).contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

std::vector<int32_t> integers(const Tensor& t) {
  const Tensor flat = t.detach().to(at::kCPU, at::kInt).contiguous();
  return {flat.data_ptr<int32_t>(), flat.data_ptr<int32_t>() + flat.numel()};
}

void replace(std::string& text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  if (at != std::string::npos) text.replace(at, what.size(), with);
}

// Module paths to the file's names: "base.g_a.1.conv.weight" -> "base.g_a.1.weight",
// "liff.rdb0_conv1.bias" -> "liff.rdb.0.conv.1.bias", "liff.mlp0.weight" -> "liff.mlp.0.weight".
std::string file_name(std::string name) {
  if (name.rfind("liff.", 0) == 0) {
    replace(name, "liff.rdb", "liff.rdb.");
    replace(name, "_conv", ".conv.");
    replace(name, "_fuse", ".fuse");
    replace(name, "liff.mlp", "liff.mlp.");
  } else {
    if (name.rfind("mei.", 0) == 0) name.erase(0, 4);
    replace(name, ".conv.", ".");
  }
  return name;
}

bool is_kernel_of(const std::string& name, const Tensor& value, const std::string& module) {
  return value.dim() == 4 && name.find("." + module + ".") != std::string::npos;
}

void add_scale_network(SafetensorsWriter& file, const std::string& prefix, ScaleNetworkImpl& network) {
  int64_t largest = nn::kMaxHyperSymbol;  // of the layer's input
  for (size_t i = 0; i < network.convs.size(); ++i) {
    const auto layer = network.integers(i);
    // docs/model_format.md: |bias| + max|x| * sum|w| + 2^(shift-1) < 2^24.
    const Tensor sums = layer.bias.abs() + layer.weight.abs().sum({1, 2, 3}) * largest +
                        at::pow(2, layer.shift.to(at::kDouble)).to(at::kLong);
    TORCH_CHECK(sums.max().item<int64_t>() < nn::kExactLimit, prefix, ".", i,
                ": sums can leave the exact range of 2^24");
    const std::string name = prefix + "." + std::to_string(i);
    file.add_integers(name + ".weight", layer.weight.sizes().vec(), integers(layer.weight), DType::kI8);
    file.add_integers(name + ".bias", layer.bias.sizes().vec(), integers(layer.bias));
    file.add_integers(name + ".shift", layer.shift.sizes().vec(), integers(layer.shift));
    largest = network.specs[i].limit;
  }
}

void add_tables(SafetensorsWriter& file, const std::string& prefix, const CdfTables& tables, bool padded) {
  const auto cdf = tables.ragged_cdf(), lengths = tables.lengths(), offsets = tables.offsets();
  const auto rows = static_cast<int64_t>(lengths.size());
  if (padded) {
    const int64_t longest = *std::max_element(lengths.begin(), lengths.end());
    std::vector<int32_t> matrix(rows * longest, 0);
    size_t at = 0;
    for (int64_t r = 0; r < rows; ++r) {
      std::copy_n(cdf.begin() + static_cast<int64_t>(at), lengths[r], matrix.begin() + r * longest);
      at += lengths[r];
    }
    file.add_integers(prefix + ".cdf", {rows, longest}, matrix);
  } else {
    std::vector<int32_t> values(cdf);
    for (auto& v : values) v &= 0xFFFF;  // 65536 ends a row and is stored as 0
    file.add_integers(prefix + ".cdf", {static_cast<int64_t>(values.size())}, values, DType::kU16);
  }
  file.add_integers(prefix + ".length", {rows}, lengths);
  file.add_integers(prefix + ".offset", {rows}, offsets);
}

compass::FactorisedPrior values_of(FactorisedPriorImpl& prior) {
  compass::FactorisedPrior values;
  values.channels = static_cast<int>(prior.channels);
  for (size_t i = 0; i < prior.matrices.size(); ++i) {
    compass::FactorisedPrior::Layer layer;
    layer.out = static_cast<int>(prior.matrices[i].size(1));
    layer.in = static_cast<int>(prior.matrices[i].size(2));
    layer.matrix = floats(prior.matrices[i]);
    layer.bias = floats(prior.biases[i]);
    if (i < prior.factors.size()) layer.factor = floats(prior.factors[i]);
    values.layers.push_back(std::move(layer));
  }
  values.quantiles.assign(values.channels * 3, 0.0F);  // not used for integer symbols
  return values;
}

// The density that the tables are made from, for `compass-lab export` and further training. Its quantiles are
// those of the tables, so they are left out.
void add_density(SafetensorsWriter& file, const std::string& prefix, const compass::FactorisedPrior& prior) {
  for (size_t i = 0; i < prior.layers.size(); ++i) {
    const auto& layer = prior.layers[i];
    const auto name = [&](const char* part) { return prefix + ".density." + part + std::to_string(i); };
    file.add_floats(name("matrix"), {prior.channels, layer.out, layer.in}, layer.matrix);
    file.add_floats(name("bias"), {prior.channels, layer.out, 1}, layer.bias);
    if (!layer.factor.empty()) file.add_floats(name("factor"), {prior.channels, layer.out, 1}, layer.factor);
  }
}

}  // namespace

std::vector<uint8_t> export_model(SystemImpl& system, const CodecCounts& counts,
                                  const nlohmann::json& provenance,
                                  const std::vector<std::string>& eight_bits) {
  SafetensorsWriter file;
  for (const auto& item : system.named_parameters()) {
    const std::string& name = item.key();
    if (name.find("entropy_bottleneck") != std::string::npos) continue;
    if (name.find("h_scales") != std::string::npos) continue;
    const Tensor& value = item.value();
    const bool scaled = std::ranges::any_of(
        eight_bits, [&](const std::string& module) { return is_kernel_of(name, value, module); });
    if (scaled) {
      file.add_scaled(file_name(name), value.sizes().vec(), floats(value));
      continue;
    }
    file.add_floats(
        file_name(name), value.sizes().vec(), floats(value),
        value.dim() > 1 && name.find("log_gain") == std::string::npos ? DType::kF16 : DType::kF32);
  }
  const auto add_codec = [&](const std::string& name, CodecImpl& codec, const SymbolCounts& symbols) {
    if (!codec.h_scales.is_empty()) add_scale_network(file, name + ".h_scales", *codec.h_scales);
    const std::string own = name + (codec.factorised() ? ".y" : ".z");  // what the learned density is of
    const compass::FactorisedPrior prior = values_of(*codec.prior);
    add_density(file, own, prior);
    const auto tables = factorised_tables(prior, ZOrigin::kInteger);
    TORCH_CHECK(tables.ok(), own, ": ", tables.ok() ? "" : tables.error().message);
    add_tables(file, own, *tables, true);
    if (!codec.factorised()) add_tables(file, name + ".y", symbols.tables(), false);
  };
  add_codec("base", *system.base, counts.base);
  if (!system.enhancement.is_empty()) add_codec("enhancement", *system.enhancement, counts.enhancement);
  if (!system.mei.is_empty()) {
    for (size_t k = 1; k <= system.mei->layers.size(); ++k) {
      add_codec(mei_layer_prefix(k), *system.mei->layers[k - 1], k == 1 ? counts.enhancement : counts.second);
    }
    file.set_metadata("mei", system.mei->description.canonical);
  }

  auto description = nlohmann::json::parse(system.description.canonical);
  description["provenance"] = provenance;
  file.set_metadata("format", system.mei.is_empty() ? "compass-model" : std::string(kMeiFormat));
  file.set_metadata("version", "1");
  file.set_metadata(kDescriptionKey, description.dump());
  return file.finish();
}

void check_modules(SystemImpl& system, const std::vector<std::string>& eight_bits) {
  for (const std::string& module : eight_bits) {
    bool found = false;
    for (const auto& item : system.named_parameters()) {
      const bool integer = item.key().find("h_scales") != std::string::npos;  // in 8 bits as it is
      found = found || (!integer && is_kernel_of(item.key(), item.value(), module));
    }
    TORCH_CHECK(found, "configuration: training.eight_bits: the model has no kernels in a module '", module,
                "'");
  }
}

}  // namespace compass::train
