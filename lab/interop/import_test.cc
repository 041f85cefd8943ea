// Imports: golden checkpoints of every kind, small made-up ones, hostile ones; and the way back.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>

#include "interop/export_model.h"
#include "interop/import_model.h"
#include "interop/reference_names.h"
#include "interop/testing/small_codec.h"
#include "model_file/model.h"
#include "model_writer/safetensors_writer.h"
#include "priors/gaussian_tables.h"

namespace compass {
namespace {

using test::NamedDictionary;
using test::NamedTensor;
using test::small_codec;
using test::small_factorised;
using test::small_liff;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool any_contains(const std::vector<std::string>& lines, const std::string& part) {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const std::string& line) { return contains(line, part); });
}

std::string golden(const std::string& name) {
  const char* root = std::getenv("COMPASS_SHARED");
  return (root != nullptr ? std::string(root) : std::string(COMPASS_SOURCE_DIR) + "/../shared") + "/golden/" +
         name;
}

#define REQUIRE_GOLDEN()                                         \
  if (!std::filesystem::exists(golden("tiny_even.safetensors"))) \
  GTEST_SKIP() << "no golden files (set COMPASS_SHARED)"

Result<ImportedModel> import_file(const std::string& name, const ImportOptions& options = {}) {
  auto checkpoint = Checkpoint::load(golden(name));
  if (!checkpoint) return checkpoint.error();
  return import_checkpoint(*checkpoint, nullptr, options);
}

Result<ImportedModel> import_raw(const std::string& raw, const ImportOptions& options = {}) {
  auto checkpoint = Checkpoint::parse(test::bytes_of(raw));
  if (!checkpoint) return checkpoint.error();
  return import_checkpoint(*checkpoint, nullptr, options);
}

std::vector<NamedDictionary> small_system() {
  return {{"base_state_dict", small_codec(1)},
          {"residual_state_dict", small_codec(2)},
          {"conti_sr_state_dict", small_liff()}};
}

std::string error_of(const std::vector<NamedDictionary>& dictionaries, const ImportOptions& options = {}) {
  const auto imported = import_raw(test::zip_checkpoint(dictionaries), options);
  return imported ? "" : imported.error().message;
}

// --- Golden checkpoints.

TEST(ImportGolden, AllContainersGiveTheSameFile) {
  REQUIRE_GOLDEN();
  const auto zip = import_file("ckpt_tiny_best_model_updated.pth.tar");
  ASSERT_TRUE(zip) << zip.error().message;
  EXPECT_TRUE(zip->notes.empty()) << zip->notes.front();
  for (const char* name :
       {"ckpt_tiny_best_model_updated_cudaloc.pth.tar", "ckpt_tiny_best_model_updated_legacy.pth.tar",
        "ckpt_tiny_best_model_noCDF.pth.tar"}) {
    const auto other = import_file(name);
    ASSERT_TRUE(other) << name << ": " << other.error().message;
    EXPECT_EQ(other->file, zip->file) << name;
    EXPECT_EQ(any_contains(other->notes, "computed"), contains(name, "noCDF"));
  }
}

TEST(ImportGolden, AllSpellingsGiveTheSameFile) {
  REQUIRE_GOLDEN();
  const auto usual = import_file("zoo_tiny_mbt2018-mean.pth.tar");
  ASSERT_TRUE(usual) << usual.error().message;
  EXPECT_TRUE(usual->notes.empty()) << usual->notes.front();
  EXPECT_TRUE(contains(usual->summary.front(), "one layer"));
  for (const char* name :
       {"zoo_tiny_mbt2018-mean_newkeys.pth.tar", "zoo_tiny_mbt2018-mean_oldkeys.pth.tar"}) {
    const auto other = import_file(name);
    ASSERT_TRUE(other) << name << ": " << other.error().message;
    EXPECT_EQ(other->file, usual->file) << name;
  }
  // The base codec of the whole system is the same one.
  const auto base = import_file("ckpt_tiny_best_model_updated.pth.tar", {.kind = ImportKind::kMeanScale});
  ASSERT_TRUE(base) << base.error().message;
  EXPECT_EQ(base->file, usual->file);
}

TEST(ImportGolden, EveryTensorEqualsTheReference) {
  REQUIRE_GOLDEN();
  const auto imported = import_file("ckpt_tiny_best_model_noCDF.pth.tar");  // the tables are computed here
  ASSERT_TRUE(imported) << imported.error().message;
  const auto exported = export_state_dict(*Safetensors::parse(imported->file));
  ASSERT_TRUE(exported) << exported.error().message;
  const auto mine = Safetensors::parse(*exported);
  ASSERT_TRUE(mine);
  const auto theirs = Safetensors::load(golden("tiny_even.safetensors"));
  ASSERT_TRUE(theirs);
  size_t compared = 0;
  for (const auto& [prefix, dictionary] : {std::pair{"w.base.", kBaseDictionary},
                                           {"w.res.", kEnhancementDictionary},
                                           {"w.liff.", kLiffDictionary}}) {
    for (const auto& [name, expected] : theirs->tensors()) {
      if (!name.starts_with(prefix)) continue;
      const std::string key = std::string(dictionary) + "." + name.substr(std::string(prefix).size());
      const TensorView* actual = mine->find(key);
      ASSERT_NE(actual, nullptr) << key;
      EXPECT_EQ(actual->dtype, expected.dtype) << key;
      EXPECT_EQ(actual->shape, expected.shape) << key;
      EXPECT_TRUE(
          std::equal(actual->data.begin(), actual->data.end(), expected.data.begin(), expected.data.end()))
          << key;
      ++compared;
    }
  }
  EXPECT_EQ(compared, mine->tensors().size());  // nothing is missing, nothing is added
}

TEST(ImportGolden, DescriptionHasTheWidthsFound) {
  REQUIRE_GOLDEN();
  const auto imported =
      import_file("ckpt_tiny_best_model_updated.pth.tar", {.scale_token = ScaleToken::kFirst});
  ASSERT_TRUE(imported) << imported.error().message;
  const auto model = Model::parse(imported->file);
  ASSERT_TRUE(model) << model.error().message;
  const Description& d = (*model)->description();
  EXPECT_EQ(d.nearest, NearestRule::kReference);
  EXPECT_EQ(d.scale_token, ScaleToken::kFirst);
  EXPECT_EQ(d.base.latent_channels, 12);
  EXPECT_EQ(d.base.hyper_channels, 8);
  EXPECT_EQ(d.base.quantise, Quantise::kMedians);
  ASSERT_TRUE(d.liff);
  EXPECT_EQ(d.liff->g0, 8);
  EXPECT_EQ(d.liff->blocks, 2);
  EXPECT_EQ(d.liff->convs, 2);
  EXPECT_EQ(d.liff->growth, 4);
  EXPECT_EQ(d.liff->hidden, (std::vector<int>{16, 16, 16, 16}));
}

TEST(ImportGolden, TwoFilesJoin) {
  REQUIRE_GOLDEN();
  auto base = Checkpoint::load(golden("zoo_tiny_mbt2018-mean_newkeys.pth.tar"));
  auto upper = Checkpoint::load(golden("ckpt_tiny_best_model_updated_legacy.pth.tar"));
  ASSERT_TRUE(base && upper);
  const auto joined = import_checkpoint(*base, &*upper, {});
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(joined->file, import_file("ckpt_tiny_best_model_updated.pth.tar")->file);
}

// --- Small checkpoints made here.

TEST(Import, SmallSystemRoundTripsThroughExport) {
  const auto imported = import_raw(test::zip_checkpoint(small_system()));
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_TRUE(any_contains(imported->summary, "base: N=2 M=4"));
  const auto exported = export_state_dict(*Safetensors::parse(imported->file));
  ASSERT_TRUE(exported) << exported.error().message;
  auto again = Checkpoint::parse(*exported);
  ASSERT_TRUE(again) << again.error().message;
  const auto second = import_checkpoint(*again, nullptr, {});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->file, imported->file);
  EXPECT_TRUE(second->notes.empty()) << second->notes.front();
  // Legacy container, wrapped modules.
  auto wrapped = small_system();
  for (NamedTensor& tensor : wrapped[0].tensors) tensor.key = "module." + tensor.key;
  for (NamedTensor& tensor : wrapped[1].tensors) tensor.key = "_orig_mod.module." + tensor.key;
  const auto legacy = import_raw(test::legacy_checkpoint(wrapped));
  ASSERT_TRUE(legacy) << legacy.error().message;
  EXPECT_EQ(legacy->file, imported->file);
}

TEST(Import, OneLayerModelExportsBareKeysAndItsDensityIsOptional) {
  const auto imported = import_raw(test::zip_checkpoint({{"", small_codec(1)}}));
  ASSERT_TRUE(imported) << imported.error().message;
  const auto file = Safetensors::parse(imported->file);
  ASSERT_TRUE(file);
  const auto exported = Safetensors::parse(*export_state_dict(*file));
  ASSERT_TRUE(exported);
  EXPECT_NE(exported->find("g_a.0.weight"), nullptr);
  EXPECT_NE(exported->find("entropy_bottleneck._matrix0"), nullptr);

  // The same without the density: the same model, coded the same way; quantiles that span the same tables.
  SafetensorsWriter writer;
  for (const auto& [name, view] : file->tensors()) {
    if (contains(name, "density")) continue;
    if (view.dtype == DType::kF32) writer.add_floats(name, view.shape, *view.floats());
    if (view.dtype == DType::kI32) writer.add_integers(name, view.shape, *view.integers());
  }
  for (const auto& [key, value] : file->metadata()) writer.set_metadata(key, value);
  const auto lean = writer.finish();
  EXPECT_EQ((*Model::parse(lean))->id(), (*Model::parse(imported->file))->id());
  const auto lean_export = Safetensors::parse(*export_state_dict(*Safetensors::parse(lean)));
  ASSERT_TRUE(lean_export);
  EXPECT_EQ(lean_export->find("entropy_bottleneck._matrix0"), nullptr);
  const auto quantiles = *lean_export->find("entropy_bottleneck.quantiles")->floats();
  const auto original = *exported->find("entropy_bottleneck.quantiles")->floats();
  for (size_t i = 0; i < quantiles.size(); ++i) {
    EXPECT_LE(std::abs(quantiles[i] - original[i]), 1.0F);  // update() takes whole steps from the median
  }
  EXPECT_EQ(quantiles[1], original[1]);
}

TEST(Import, OtherFloatTypesAndLeftOverKeysAreTaken) {
  auto codec = small_codec(1);
  for (NamedTensor& tensor : codec) {
    if (tensor.key == "g_a.0.bias") {  // 1, 2 as bfloat16
      tensor.type = "BFloat16Storage";
      tensor.content = std::string("\x80\x3f\x00\x40", 4);
    }
  }
  codec.push_back(test::float_tensor("extra.weight", {1}, std::vector<float>{1}));
  const auto imported = import_raw(test::zip_checkpoint({{"", codec}}));
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_TRUE(any_contains(imported->notes, "1 key left over and ignored: 'extra.weight'"));
  EXPECT_EQ(*Safetensors::parse(imported->file)->find("base.g_a.0.bias")->floats(),
            (std::vector<float>{1, 2}));
}

TEST(Import, MissingPartsAreNamed) {
  EXPECT_TRUE(contains(error_of({{"net", small_liff()}}), "no codec found"));
  EXPECT_TRUE(contains(error_of({{"net", small_liff()}}), "'net'"));
  auto system = small_system();
  system.pop_back();
  EXPECT_TRUE(contains(error_of(system), "conti_sr_state_dict not found"));
  EXPECT_EQ(error_of(system, {.kind = ImportKind::kMeanScale}), "");
  system = small_system();
  system.erase(system.begin() + 1);
  EXPECT_TRUE(contains(error_of(system), "residual_state_dict not found"));
  EXPECT_TRUE(
      contains(error_of({{"base_state_dict", small_codec(1)}}, {.kind = ImportKind::kCompass}), "not found"));
  EXPECT_TRUE(contains(error_of({{"a", small_codec(1)}, {"b", small_codec(2)}}), "cannot tell"));
  EXPECT_EQ(error_of({{"state_dict", small_codec(1)}}), "");

  auto codec = small_codec(1);
  std::erase_if(codec, [](const NamedTensor& t) { return t.key == "g_a.0.weight" || t.key == "h_s.4.bias"; });
  EXPECT_TRUE(contains(error_of({{"", codec}}), "2 missing keys: g_a.0.weight, h_s.4.bias"));
}

// --- Factorised priors.

TEST(Import, FactorisedPriorsAreRecognised) {
  const auto imported = import_raw(test::zip_checkpoint({{"", small_factorised(1)}}));
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_TRUE(contains(imported->summary.front(), "factorised prior: one layer"));
  EXPECT_TRUE(any_contains(imported->summary, "base: factorised prior, N=2 M=4"));
  EXPECT_TRUE(any_contains(imported->notes, "no CDF buffers for y"));
  const auto model = Model::parse(imported->file);
  ASSERT_TRUE(model) << model.error().message;
  const CodecDescription& codec = (*model)->description().base;
  EXPECT_TRUE(codec.factorised());
  EXPECT_EQ(codec.latent_channels, 4);
  EXPECT_EQ(codec.hyper_channels, 0);
  EXPECT_EQ(codec.quantise, Quantise::kMedians);
  EXPECT_EQ((*model)->weights(CodecKind::kBase).medians, (std::vector<float>{0.25F, -0.5F, 0.0F, 0.75F}));
  // A spare row, then a channel's each.
  EXPECT_EQ((*model)->latent_tables(CodecKind::kBase).rows(), 5);
  EXPECT_EQ((*model)->hyper_tables(CodecKind::kBase).rows(), 0);
}

TEST(Import, FactorisedPriorsRoundTripThroughExportInAllSpellings) {
  const auto imported = import_raw(test::zip_checkpoint({{"", small_factorised(1)}}));
  ASSERT_TRUE(imported) << imported.error().message;
  const auto exported = export_state_dict(*Safetensors::parse(imported->file));
  ASSERT_TRUE(exported) << exported.error().message;
  const auto keys = Safetensors::parse(*exported);
  ASSERT_TRUE(keys);
  EXPECT_EQ(keys->find("gaussian_conditional._quantized_cdf"), nullptr);
  ASSERT_NE(keys->find("entropy_bottleneck._quantized_cdf"), nullptr);
  EXPECT_EQ(keys->find("entropy_bottleneck._quantized_cdf")->shape.front(), 4);
  // With the tables there now, nothing is left to compute, and they are the same.
  auto again = Checkpoint::parse(*exported);
  ASSERT_TRUE(again) << again.error().message;
  const auto second = import_checkpoint(*again, nullptr, {.kind = ImportKind::kFactorised});
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(second->file, imported->file);
  EXPECT_TRUE(second->notes.empty()) << second->notes.front();
  for (const auto& [matrix, bias, factor] :
       {std::array{"_matrices.", "_biases.", "_factors."}, {"matrices.", "biases.", "factors."}}) {
    auto codec = small_factorised(1);
    for (NamedTensor& tensor : codec) {
      for (const auto& [one, other] : {std::pair{"_matrix", matrix}, {"_bias", bias}, {"_factor", factor}}) {
        const size_t at = tensor.key.find(one);
        if (at != std::string::npos) tensor.key.replace(at, std::string(one).size(), other);
      }
    }
    const auto spelt = import_raw(test::zip_checkpoint({{"", codec}}));
    ASSERT_TRUE(spelt) << spelt.error().message;
    EXPECT_EQ(spelt->file, imported->file) << matrix;
  }
}

TEST(Import, AFactorisedBaseMayStandUnderEnhancementLayers) {
  auto system = small_system();
  system[0].tensors = small_factorised(1);
  const auto imported = import_raw(test::zip_checkpoint(system));
  ASSERT_TRUE(imported) << imported.error().message;
  const auto model = Model::parse(imported->file);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE((*model)->description().base.factorised());
  EXPECT_FALSE((*model)->description().enhancement->factorised());
}

TEST(Import, MixturesOfKindsAreRefusedByName) {
  const auto kept = [](std::vector<NamedTensor> codec, const std::function<bool(const std::string&)>& keep) {
    std::erase_if(codec, [&](const NamedTensor& t) { return !keep(t.key); });
    return codec;
  };
  // Half a hyperprior.
  const auto half = kept(small_codec(1), [](const std::string& key) { return !key.starts_with("h_s."); });
  EXPECT_TRUE(contains(error_of({{"", half}}), "missing keys: h_s.0.weight"));
  // The hyperprior's conditional without its networks.
  auto mixed = small_factorised(1);
  mixed.push_back(test::float_tensor("gaussian_conditional.scale_table", {1}, std::vector<float>{1}));
  EXPECT_TRUE(contains(error_of({{"", mixed}}), "a mixture of kinds: gaussian_conditional.*"));
  // Transforms of one width, the bottleneck of a hyperprior.
  const auto bare = kept(small_codec(1), [](const std::string& key) { return !key.starts_with("h_"); });
  EXPECT_TRUE(contains(error_of({{"", bare}}), "entropy_bottleneck"));
  // Another kind than the one asked for.
  EXPECT_TRUE(contains(error_of({{"", small_factorised(1)}}, {.kind = ImportKind::kMeanScale}),
                       "is a factorised prior: import it with --kind factorised"));
  EXPECT_TRUE(contains(error_of({{"net", small_codec(1)}}, {.kind = ImportKind::kFactorised}),
                       "'net': is a mean-scale hyperprior: import it with --kind mean-scale"));
}

// CompressAI's widths. Its published count has the quantiles.
TEST(Import, TheFactorisedPriorHasItsParameters) {
  constexpr int64_t kN = 128, kM = 192;
  test::SmallWeights w(1);
  const int64_t down[] = {3, kN, kN, kN, kM}, up[] = {kM, kN, kN, kN, 3};
  for (int i = 0; i < 4; ++i) {
    w.add_layer("g_a." + std::to_string(2 * i), {down[i + 1], down[i], 5, 5});
    w.add_layer("g_s." + std::to_string(2 * i), {up[i], up[i + 1], 5, 5}, true);
    if (i == 3) continue;
    w.add_gdn("g_a." + std::to_string(2 * i + 1), kN);
    w.add_gdn("g_s." + std::to_string(2 * i + 1), kN);
  }
  test::add_small_density(w, kM);
  auto codec = w.take();
  std::vector<float> quantiles;
  for (int64_t c = 0; c < kM; ++c) quantiles.insert(quantiles.end(), {-3.0F, 0.0F, 3.0F});
  codec.push_back(test::float_tensor("entropy_bottleneck.quantiles", {kM, 1, 3}, quantiles));
  const auto imported = import_raw(test::zip_checkpoint({{"", codec}}));
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_TRUE(any_contains(imported->summary, "2,998,147 parameters in all"));
}

TEST(Import, OtherArchitecturesAreRefused) {
  auto codec = small_codec(1);
  codec.push_back(test::float_tensor("context_prediction.weight", {1}, std::vector<float>{1}));
  EXPECT_TRUE(contains(error_of({{"", codec}}), "context model"));

  codec = small_codec(1);
  for (NamedTensor& tensor : codec) {
    if (tensor.key == "h_s.4.weight") tensor.shape = {4, 12, 3, 3};
  }
  EXPECT_TRUE(contains(error_of({{"", codec}}), "no means"));
}

// Each takes a good codec and spoils one tensor; the message must say which and why.
TEST(Import, SpoiltTensorsAreNamed) {
  const auto spoilt = [](const std::string& key, const std::function<void(NamedTensor&)>& spoil) {
    auto codec = small_codec(1);
    bool found = false;
    for (NamedTensor& tensor : codec) {
      if (tensor.key != key) continue;
      spoil(tensor);
      found = true;
    }
    if (!found) {
      codec.push_back(test::float_tensor(key, {1}, std::vector<float>{1}));
      spoil(codec.back());
    }
    return error_of({{"", codec}});
  };
  const auto with_value = [](float value) {
    return [value](NamedTensor& t) { std::memcpy(t.content.data(), &value, sizeof(value)); };
  };
  EXPECT_TRUE(contains(spoilt("g_s.2.weight", with_value(NAN)), "'g_s.2.weight' element 0 is not a number"));
  EXPECT_TRUE(contains(spoilt("g_a.1.gamma", with_value(-INFINITY)), "'g_a.1.gamma' element 0 is infinite"));
  EXPECT_TRUE(contains(spoilt("h_a.0.bias", [](NamedTensor& t) { t.type = "IntStorage"; }),
                       "'h_a.0.bias' holds I32, floats are needed"));
  EXPECT_TRUE(contains(spoilt("g_a.0.weight",
                              [](NamedTensor& t) {
                                t.shape = {6, 25};
                              }),
                       "g_a.0.weight has shape [6,25]"));
  EXPECT_TRUE(contains(spoilt("g_a.0.weight",
                              [](NamedTensor& t) {
                                t.shape = {3, 2, 5, 5};
                              }),
                       "description"));
  EXPECT_TRUE(contains(spoilt("g_a.0.bias", [](NamedTensor& t) { t.shape = {1}; }), "base.g_a.0.bias"));
  EXPECT_TRUE(contains(spoilt("g_a.0.weight",
                              [](NamedTensor& t) {
                                t.shape = {2, 0, 5, 5};
                              }),
                       "has shape [2,0,5,5]"));
  EXPECT_TRUE(contains(spoilt("g_a.1.beta_reparam.pedestal", with_value(0.5F)), "GDN with other bounds"));
  EXPECT_TRUE(
      contains(spoilt("gaussian_conditional.scale_table", with_value(1)), "scale_table' is not the usual"));
  EXPECT_TRUE(contains(spoilt("entropy_bottleneck.quantiles", with_value(-1e9F)), "absurd"));
  EXPECT_TRUE(contains(spoilt("entropy_bottleneck.quantiles", [](NamedTensor& t) { t.shape = {5}; }),
                       "entropy_bottleneck"));
  EXPECT_TRUE(contains(spoilt("entropy_bottleneck._matrix1", [](NamedTensor& t) { t.shape = {18}; }),
                       "_matrix1' has shape"));
}

TEST(Import, BadTablesAreRefused) {
  const auto with_tables = [](const std::vector<int32_t>& cdf, int64_t rows, int32_t length) {
    auto codec = small_codec(1);
    const auto integers = [](std::string key, std::vector<int64_t> shape,
                             const std::vector<int32_t>& values) {
      NamedTensor tensor{
          std::move(key), "IntStorage", std::move(shape), {}, static_cast<int64_t>(values.size())};
      for (const int32_t value : values) test::put(tensor.content, value);
      return tensor;
    };
    const auto columns = static_cast<int64_t>(cdf.size());
    std::vector<int32_t> all;
    for (int64_t r = 0; r < rows; ++r) all.insert(all.end(), cdf.begin(), cdf.end());
    codec.push_back(integers("entropy_bottleneck._quantized_cdf", {rows, columns}, all));
    codec.push_back(integers("entropy_bottleneck._cdf_length", {rows}, std::vector<int32_t>(rows, length)));
    codec.push_back(integers("entropy_bottleneck._offset", {rows}, std::vector<int32_t>(rows, -1)));
    return error_of({{"", codec}});
  };
  EXPECT_EQ(with_tables({0, 30000, 65535, 65536}, 2, 4), "");
  EXPECT_TRUE(contains(with_tables({0, 30000, 65535, 65536}, 3, 4), "has 3 rows for 2 channels"));
  EXPECT_NE(with_tables({0, 30000, 65535, 65536}, 2, 5), "");
  EXPECT_NE(with_tables({0, 30000, 65535, 65536}, 2, -1), "");
  EXPECT_NE(with_tables({0, 30000, 20000, 65536}, 2, 4), "");
  EXPECT_NE(with_tables({0, 30000, 65535, 65535}, 2, 4), "");
}

TEST(ReferenceNames, SpellingsBecomeOne) {
  for (const char* key :
       {"entropy_bottleneck._matrix3", "entropy_bottleneck._matrices.3", "entropy_bottleneck.matrices.3",
        "module.entropy_bottleneck.matrices.3", "module._orig_mod.module.entropy_bottleneck._matrix3"}) {
    EXPECT_EQ(canonical_key(key), "entropy_bottleneck._matrix3");
  }
  EXPECT_EQ(canonical_key("entropy_bottleneck.biases.0"), "entropy_bottleneck._bias0");
  EXPECT_EQ(canonical_key("entropy_bottleneck._factors.0"), "entropy_bottleneck._factor0");
  EXPECT_EQ(canonical_key("entropy_bottleneck._factor0"), "entropy_bottleneck._factor0");
  EXPECT_EQ(canonical_key("g_a.0.weight"), "g_a.0.weight");
  EXPECT_EQ(split_exported_name("base_state_dict.g_a.0.bias"),
            (std::pair<std::string_view, std::string_view>("base_state_dict", "g_a.0.bias")));
  EXPECT_EQ(split_exported_name("g_a.0.bias").first, "");
  EXPECT_EQ(split_exported_name("base_state_dict").first, "");
}

}  // namespace
}  // namespace compass
