// Pages whose figures are of the shipped model say so, and are measured again when another one ships.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "model_file/model.h"

namespace compass::eval {
namespace {

const std::string kRoot = COMPASS_SOURCE_DIR;

std::string page(const std::string& name) {
  std::ifstream file(kRoot + "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool says_model(const std::string& name, const std::string& id) {
  return !id.empty() && page(name).find("* model: lite, id " + id) != std::string::npos;
}

// The model whose networks the log says that this one has, its rates being others: at the same rates their
// files are the same but for the header. Empty if it has its own.
std::string networks_of(const std::string& id) {
  const std::string log = page("docs/log/README.md"), words = "the networks of ";
  const size_t row = log.find("| **" + id + "** |");
  if (row == std::string::npos) return {};
  const size_t found = log.find(words, row);
  if (found == std::string::npos || found > log.find('\n', row)) return {};
  return log.substr(found + words.size(), id.size());
}

TEST(Pages, AreNoOlderThanTheShippedModel) {
  const auto model = Model::load(kRoot + "/models/lite.safetensors");
  ASSERT_TRUE(model) << model.error().message;
  const std::string id = to_string((*model)->id());
  EXPECT_NE(page("docs/results.md").find("* model: lite, id " + id), std::string::npos)
      << "docs/results.md is of another model: scripts/results.sh makes it again";
  EXPECT_TRUE(says_model("docs/results_paper.md", id.substr(0, 8)) ||
              says_model("docs/results_paper.md", networks_of(id.substr(0, 8))))
      << "docs/results_paper.md is of another model: scripts/results_paper.sh makes it again";
  EXPECT_NE(page("README.md").find("model " + id.substr(0, 8)), std::string::npos)
      << "README.md quotes another model's figures";
  EXPECT_NE(page("docs/log/README.md").find("| **" + id.substr(0, 8) + "** |"), std::string::npos)
      << "docs/log/README.md does not name the shipped model";
}

}  // namespace
}  // namespace compass::eval
