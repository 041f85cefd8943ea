// compass-train: trains a model from a configuration, or goes on where a run left off.
#include <charconv>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "file.h"
#include "plot.h"
#include "trainer.h"

namespace {

constexpr const char* kHelp =
    R"(compass-train: train the networks of a COMPASS model.

  compass-train --config FILE --data FOLDER --out FOLDER [options]

  --config FILE        what to train and how (train/configs/)
  --data FOLDER        pictures, binary PPM
  --out FOLDER         checkpoint and logs; a run that finds its checkpoint here goes on from it
  --start-from FILE    begin with these weights (see --save-weights), where names and shapes fit; may be
                       given several times: later files go before earlier ones
  --lambda L           the rate that a model for one rate is trained for, instead of the configuration's
  --finish N           the last stage alone, for N steps: from weights that were trained for another rate
  --max-seconds N      stop after N seconds, with a checkpoint
  --threads N          workers, one per core (default 2)
  --cuda               train on the GPU

instead of training, from the checkpoint in --out:
  --validate           print rate-distortion points of the averaged weights
  --export FILE        write a model file
  --save-weights FILE  write the averaged weights alone
  --plot FILE          draw the run's curves as SVG

Several processes train one model together when torchrun, Slurm or you set RANK, WORLD_SIZE, MASTER_ADDR and
MASTER_PORT; --out is then a folder that all of them see.
)";

struct Arguments {
  compass::train::RunOptions options;
  std::vector<std::string> starts;
  std::string config, model, weights, plot;
  double lambda = 0.0;  // 0: the configuration's
  int64_t finish = 0;   // steps; 0: the configuration's stages
  bool validate = false;
};

// Whether the text is a number, and nothing else; fills it in.
template <typename T>
bool parse_number(const std::string& text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() && number >= 0;
}

// The arguments, or a message about the one that is wrong.
std::string parse(int argc, char** argv, Arguments& a) {
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    if (name == "--cuda" || name == "--validate") {
      (name == "--cuda" ? a.options.cuda : a.validate) = true;
      continue;
    }
    if (i + 1 == argc) return name + ": unknown option, or its value is missing";
    const std::string value = argv[++i];
    bool good = true;
    if (name == "--config")
      a.config = value;
    else if (name == "--data")
      a.options.data = value;
    else if (name == "--out")
      a.options.out = value;
    else if (name == "--start-from")
      a.starts.push_back(value);
    else if (name == "--lambda")
      good = parse_number(value, a.lambda) && a.lambda > 0.0 && a.lambda <= 1e6;
    else if (name == "--finish")
      good = parse_number(value, a.finish) && a.finish > 0;
    else if (name == "--max-seconds")
      good = parse_number(value, a.options.max_seconds);
    else if (name == "--threads")
      good = parse_number(value, a.options.threads) && a.options.threads > 0;
    else if (name == "--export")
      a.model = value;
    else if (name == "--save-weights")
      a.weights = value;
    else if (name == "--plot")
      a.plot = value;
    else
      return name + ": unknown option; see compass-train --help";
    if (!good) return name + ": '" + value + "' is not a valid number for this option";
  }
  if (!a.plot.empty()) return a.options.out.empty() ? "--plot needs --out, the run's folder" : "";
  if (a.config.empty() || a.options.data.empty() || a.options.out.empty()) {
    return "--config, --data and --out are needed; see compass-train --help";
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && std::string(argv[1]) == "--help") {
    std::cout << kHelp;
    return 0;
  }
  try {
    Arguments arguments;
    if (const std::string wrong = parse(argc, argv, arguments); !wrong.empty()) {
      std::cerr << "compass-train: " << wrong << "\n";
      return 2;
    }
    if (!arguments.plot.empty()) {
      compass::train::write_file(arguments.plot, compass::train::plot_run(arguments.options.out));
      return 0;
    }
    std::ifstream file(arguments.config);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    TORCH_CHECK(file, "cannot read the configuration '", arguments.config, "'");
    auto config = compass::train::parse_config(text);
    if (!config) {
      std::cerr << "compass-train: " << arguments.config << ": " << config.error().message << "\n";
      return 2;
    }
    if (arguments.lambda > 0.0) {
      if (config->model.rate_points.size() != 1) {
        std::cerr << "compass-train: --lambda: " << arguments.config << " has "
                  << config->model.rate_points.size() << " rate points; change them there\n";
        return 2;
      }
      config->model.rate_points = {arguments.lambda};
    }
    if (arguments.finish > 0) compass::train::keep_last_stage(config->training, arguments.finish);
    arguments.options.config = *std::move(config);
    compass::train::Trainer trainer(arguments.options,
                                    compass::train::Peers::from_environment(arguments.options.cuda));
    for (const std::string& weights : arguments.starts) trainer.start_from(weights);
    if (!arguments.model.empty()) {
      trainer.export_to(arguments.model);
    } else if (!arguments.weights.empty()) {
      trainer.save_weights(arguments.weights);
    } else if (arguments.validate) {
      trainer.use_average();
      trainer.validate();
    } else {
      trainer.run();
    }
  } catch (const c10::Error& e) {
    std::cerr << "compass-train: " << e.what_without_backtrace() << "\n";
    return 1;
  } catch (const std::exception& e) {
    std::cerr << "compass-train: " << e.what() << "\n";
    return 1;
  }
  return 0;
}
