// compass-train: trains a model from a configuration, or goes on where a run left off.
#include <cstring>
#include <fstream>
#include <iostream>

#include "trainer.h"

int main(int argc, char** argv) {
  compass::train::RunOptions options;
  std::string config, model;
  bool validate_only = false;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    const auto value = [&]() -> std::string { return i + 1 < argc ? argv[++i] : ""; };
    if (arg == "--config")
      config = value();
    else if (arg == "--data")
      options.data = value();
    else if (arg == "--out")
      options.out = value();
    else if (arg == "--max-seconds")
      options.max_seconds = std::stod(value());
    else if (arg == "--threads")
      options.threads = std::stoi(value());
    else if (arg == "--export")
      model = value();
    else if (arg == "--cuda")
      options.cuda = true;
    else if (arg == "--validate")
      validate_only = true;
    else {
      std::cerr << "compass-train: unknown option " << arg << "\n";
      return 2;
    }
  }
  try {
    std::ifstream file(config);
    TORCH_CHECK(file, "cannot read the configuration '", config, "'");
    options.config = nlohmann::json::parse(file);
    compass::train::Trainer trainer(options);
    if (!model.empty())
      trainer.export_to(model);
    else if (validate_only)
      trainer.validate();
    else
      trainer.run();
  } catch (const std::exception& e) {
    std::cerr << "compass-train: " << e.what() << "\n";
    return 1;
  }
  return 0;
}
