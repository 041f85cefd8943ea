// Pages whose figures are of the shipped model say so, and are measured again when another one ships.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>
#include <utility>

#include "model_file/model.h"

namespace compass::eval {
namespace {

const std::string kRoot = COMPASS_SOURCE_DIR;

std::string page(const std::string& name) {
  std::ifstream file(kRoot + "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Pages, AreNoOlderThanTheShippedModel) {
  const auto model = Model::load(kRoot + "/models/lite.safetensors");
  ASSERT_TRUE(model) << model.error().message;
  const std::string id = to_string((*model)->id());
  for (const auto& [name, script] : {std::pair("docs/results.md", "scripts/results.sh"),
                                     std::pair("docs/results_paper.md", "scripts/results_paper.sh")}) {
    EXPECT_NE(page(name).find("* model: lite, id " + id), std::string::npos)
        << name << " is of another model: " << script << " makes it again";
  }
  const auto high = Model::load(kRoot + "/models/lite-hq.safetensors");
  ASSERT_TRUE(high) << high.error().message;
  EXPECT_NE(page("docs/results.md").find("* model 2: lite-hq, id " + to_string((*high)->id())),
            std::string::npos)
      << "docs/results.md is of another model for high qualities: scripts/results.sh makes it again";
  EXPECT_NE(page("README.md").find("model " + id.substr(0, 8)), std::string::npos)
      << "README.md quotes another model's figures";
  EXPECT_NE(page("docs/log/README.md").find("| **" + id.substr(0, 8) + "** |"), std::string::npos)
      << "docs/log/README.md does not name the shipped model";
}

}  // namespace
}  // namespace compass::eval
