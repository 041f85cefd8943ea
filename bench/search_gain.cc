// Not a benchmark of speed: by how much an encoder's search for symbols (docs/search.md) lowers the cost that
// it minimises, bits plus lambda times the squared error.
//
//   search_gain MODEL [PHOTO...]     default: a synthetic picture
#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "codec/encoder.h"
#include "common/image_file.h"
#include "lab/synthetic_picture.h"
#include "model_file/model.h"

namespace compass {
namespace {

constexpr double kErrorWeight = 1.25;  // as in codec/layer_search.cc

// Of all layers, in bits. Errors are measured after rounding to 8 bits.
Result<double> cost(Encoder& encoder, const Model& model, const Rgb8View& picture, double quality,
                    int effort) {
  const auto sizes = sizes_from_scales(picture.size, default_scales(model.layered() ? 3 : 1));
  if (!sizes) return sizes.error();
  const auto encoded =
      encoder.encode(picture, {.sizes = *sizes, .quality = quality, .effort = effort, .measure = true});
  if (!encoded) return encoded.error();
  const double weight = kErrorWeight * model.lambda(model.rate_position(quality)) * 255.0 * 255.0;
  double sum = 0.0;
  for (const EncodedLayer& layer : encoded->layers) {
    sum += 8.0 * static_cast<double>(layer.bytes) +
           weight * std::pow(10.0, -layer.psnr / 10.0) * static_cast<double>(layer.size.pixels());
  }
  return sum;
}

Status print_gains(const std::shared_ptr<const Model>& model, const std::string& name,
                   const Rgb8View& picture) {
  for (const Precision precision : {Precision::kF32, Precision::kBF16}) {
    Encoder encoder(model, {.precision = precision});
    for (const double quality : {20.0, 50.0, 80.0}) {
      const auto none = cost(encoder, *model, picture, quality, 0);
      if (!none) return none.error();
      fmt::print("{:<24} {} -q {}:", name, precision == Precision::kF32 ? "f32 " : "bf16", quality);
      for (const int effort : {1, 2, 3, 8, 16}) {
        const auto searched = cost(encoder, *model, picture, quality, effort);
        if (!searched) return searched.error();
        fmt::print("  {} {:.2f} %", effort, 100.0 * (*searched / *none - 1.0));
      }
      fmt::print("\n");
    }
  }
  return {};
}

Status run(const std::string& model_file, const std::vector<std::string>& photos) {
  const auto model = Model::load(model_file);
  if (!model) return model.error();
  fmt::print("cost after so many rounds of search, against none\n");
  if (photos.empty()) {
    const Rgb8Image picture = tools::synthetic_picture({768, 512});
    return print_gains(*model, "synthetic", picture.view());
  }
  for (const std::string& file : photos) {
    const auto photo = tools::read_image(file, {});
    if (!photo) return photo.error();
    const std::string name = file.substr(file.rfind('/') + 1);
    if (const Status printed = print_gains(*model, name, photo->image.view()); !printed) return printed;
  }
  return {};
}

}  // namespace
}  // namespace compass

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.empty()) {
    std::fprintf(stderr, "search_gain MODEL [PHOTO...]\n");
    return 2;
  }
  const auto done = compass::run(arguments[0], {arguments.begin() + 1, arguments.end()});
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message.c_str());
  return 1;
}
