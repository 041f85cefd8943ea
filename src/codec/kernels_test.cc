// Preconditions of speed: no kernel of a real model falls back to oneDNN's reference code, and coding
// pictures of the same sizes again compiles and packs nothing.
#include <gtest/gtest.h>

#include "codec/layer_analysis.h"
#include "codec/layer_search.h"
#include "codec/layer_synthesis.h"
#include "codec/testing/pictures.h"
#include "model_writer/random_model.h"
#include "nn/context.h"

namespace compass {
namespace {

std::shared_ptr<const Model> model_named(const std::string& name) {
  if (name == "shipped") return shipped_model();
  const auto model = random_model(name);
  EXPECT_TRUE(model) << model.error().message;
  return *model;
}

using ModelAndPrecision = std::tuple<const char*, Precision>;
class Kernels : public testing::TestWithParam<ModelAndPrecision> {};

TEST_P(Kernels, AreNeverTheReferenceAndCompileOnce) {
  const auto model = model_named(std::get<0>(GetParam()));
  ThreadPool pool(2);
  nn::Context context(pool, std::get<1>(GetParam()));
  PyramidNetworks networks(model, context);
  TileBuffers buffers;
  LayerAnalysis analysis(networks, buffers);
  LayerSynthesis synthesis(networks, buffers);
  LayerSearch search(networks, buffers);
  const bool searched = networks.make_search();
  for (const std::vector<Size>& sizes :
       {std::vector<Size>{{192, 128}, {384, 256}, {768, 512}}, std::vector<Size>{{1, 1}, {33, 47}, {97, 95}},
        std::vector<Size>{{640, 200}, {2560, 801}}}) {
    const auto prepare = [&] {
      std::vector<nn::KernelRequest> requests;
      for (size_t k = 0; k < sizes.size(); ++k) {
        const SpatialLayer layer{sizes, static_cast<int>(k), 0.0F};
        analysis.add_kernels(layer, requests);
        synthesis.add_kernels(layer, whole(sizes[k]), true, requests);
        if (searched) search.add_kernels(layer, requests);
      }
      context.compile(requests);
    };
    prepare();
    const size_t kernels = context.kernels();
    EXPECT_GT(kernels, 0U);
    prepare();
    EXPECT_EQ(context.kernels(), kernels);
  }
  for (const std::string& name : context.implementations()) {
    EXPECT_EQ(name.find("ref"), std::string::npos) << "oneDNN fell back to " << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, Kernels,
                         testing::Combine(testing::Values("shipped", "lite", "paper"),
                                          testing::Values(Precision::kF32, Precision::kBF16)));

}  // namespace
}  // namespace compass
