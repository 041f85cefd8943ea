// An imported checkpoint, run: every golden case through the networks and LIFF of the imported model, f32.
// The stages themselves are tested in src/networks; this shows that importing loses nothing on the way there.
#include <gtest/gtest.h>

#include "interop/import_model.h"
#include "model_file/testing/golden_model.h"
#include "networks/liff.h"
#include "networks/networks.h"

namespace compass {
namespace {

constexpr double kTolerance = 1e-4;  // of the spread, as the golden files state it

std::shared_ptr<const Model> imported_model(const std::string& checkpoint, ScaleToken token) {
  auto file = Checkpoint::load(golden_path(checkpoint));
  EXPECT_TRUE(file) << file.error().message;
  if (!file) return nullptr;
  const auto imported = import_checkpoint(*file, nullptr, {.scale_token = token});
  EXPECT_TRUE(imported) << imported.error().message;
  if (!imported) return nullptr;
  const auto model = Model::parse(imported->file);
  EXPECT_TRUE(model) << model.error().message;
  return model ? *model : nullptr;
}

class ImportedModel : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    golden_ = Golden::open(std::string(GetParam()) + ".safetensors");
    if (!golden_) GTEST_SKIP() << "no golden files here (set COMPASS_SHARED)";
    // The checkpoint without CDF buffers: its tables were computed while importing.
    const bool first = std::string(GetParam()) == "tiny_cellbug";
    model_ =
        imported_model("ckpt_tiny_best_model_noCDF.pth.tar", first ? ScaleToken::kFirst : ScaleToken::kOwn);
    ASSERT_NE(model_, nullptr);
  }

  std::optional<Golden> golden_;
  std::shared_ptr<const Model> model_;
  ThreadPool pool_{2};
  nn::Context context_{pool_, Precision::kF32};
};

TEST_P(ImportedModel, CodecsGiveTheReferencesNumbers) {
  for (const std::string prefix : {"bl.", "el1.", "el2."}) {
    if (!golden_->has(prefix + "x")) continue;
    CodecNetworks networks(model_, prefix == "bl." ? CodecKind::kBase : CodecKind::kEnhancement, context_);
    const Tensor x = golden_->tensor(prefix + "x");
    const Size picture{x.width, x.height};
    const Tensor y = networks.analyse(x, nullptr, 0.0F);
    EXPECT_LT(relative_error(y, golden_->tensor(prefix + "y")), kTolerance) << prefix;
    const Tensor z = networks.hyper_analyse(y);
    EXPECT_LT(relative_error(z, golden_->tensor(prefix + "z")), kTolerance) << prefix;
    const auto z_symbols = golden_->symbols(prefix + "z_sym");
    EXPECT_EQ(networks.quantise_hyper(golden_->tensor(prefix + "z")), z_symbols) << prefix;
    const HyperParameters hyper = networks.hyper_synthesise(z_symbols, picture);
    EXPECT_LT(relative_error(hyper.means, golden_->tensor(prefix + "means")), kTolerance) << prefix;
    const auto indexes = golden_->symbols(prefix + "y_idx");
    EXPECT_TRUE(std::equal(indexes.begin(), indexes.end(), hyper.indexes.begin(), hyper.indexes.end()))
        << prefix;
    const Tensor y_hat = dequantise(golden_->symbols(prefix + "y_sym"), hyper.means);
    const Tensor x_hat = networks.synthesise(y_hat, nullptr, 0.0F, picture);
    EXPECT_LT(relative_error(x_hat, golden_->tensor(prefix + "x_hat")), kTolerance) << prefix;
  }
}

TEST_P(ImportedModel, LiffGivesTheReferencesNumbers) {
  Liff liff(model_, context_);
  const auto first = golden_->integers("liff1.target_hw");
  for (const std::string prefix : {"liff1.", "liff2."}) {
    if (!golden_->has(prefix + "in")) continue;
    const auto target_hw = golden_->integers(prefix + "target_hw");
    const Size target{target_hw[1], target_hw[0]};
    const bool own = model_->description().scale_token == ScaleToken::kOwn;
    const Tensor out =
        liff.predict(golden_->tensor(prefix + "in"), target, own ? target : Size{first[1], first[0]});
    EXPECT_LT(relative_error(out, golden_->tensor(prefix + "out")), kTolerance) << prefix;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, ImportedModel,
                         testing::Values("tiny_even", "tiny_odd", "tiny_frac", "tiny_same", "tiny_cellbug"));

// Tables and weights of every way to import, against a model put together from the golden tensors by hand.
TEST(ImportedTables, EqualTheReferences) {
  const auto golden = Golden::open("tiny_even.safetensors");
  if (!golden) GTEST_SKIP() << "no golden files here (set COMPASS_SHARED)";
  const auto by_hand = golden_model();
  ASSERT_NE(by_hand, nullptr);
  for (const char* name :
       {"ckpt_tiny_best_model_noCDF.pth.tar", "ckpt_tiny_best_model_updated_legacy.pth.tar"}) {
    const auto model = imported_model(name, ScaleToken::kOwn);
    ASSERT_NE(model, nullptr);
    EXPECT_EQ(model->parameters(), by_hand->parameters());
    for (const CodecKind kind : {CodecKind::kBase, CodecKind::kEnhancement}) {
      EXPECT_EQ(model->hyper_tables(kind).ragged_cdf(), by_hand->hyper_tables(kind).ragged_cdf());
      EXPECT_EQ(model->hyper_tables(kind).offsets(), by_hand->hyper_tables(kind).offsets());
      EXPECT_EQ(model->latent_tables(kind).ragged_cdf(), by_hand->latent_tables(kind).ragged_cdf());
      EXPECT_EQ(model->latent_tables(kind).offsets(), by_hand->latent_tables(kind).offsets());
      EXPECT_EQ(model->weights(kind).medians, by_hand->weights(kind).medians);
      for (size_t i = 0; i < 7; ++i) {
        EXPECT_EQ(model->weights(kind).g_a[i].weight.floats(), by_hand->weights(kind).g_a[i].weight.floats());
        EXPECT_EQ(model->weights(kind).g_s[i].gamma, by_hand->weights(kind).g_s[i].gamma);
      }
    }
  }
}

}  // namespace
}  // namespace compass
