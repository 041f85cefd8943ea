#include "eval/crops.h"

#include <cmath>
#include <filesystem>

#include "eval/picture_crop.h"
#include "eval/process.h"
#include "eval/runner.h"
#include "eval/summary.h"

namespace compass::eval {
namespace {

// Rows of one picture's top layer in a layout, of one codec and scheme.
std::vector<const Row*> top_rows(const Results& results, const std::string& image, const std::string& layout,
                                 const std::string& codec, const std::string& scheme) {
  std::vector<const Row*> rows;
  for (const Row& r : results.rows) {
    const bool here = r.image == image && r.layout == layout && r.codec == codec && r.scheme == scheme;
    if (here && r.layer + 1 == r.layers) rows.push_back(&r);
  }
  return rows;
}

double target_bpp(const Results& results, const std::string& image, const std::string& layout) {
  const std::vector<const Row*> ours = top_rows(results, image, layout, "compass", kOneStream);
  return ours.empty() ? 0.5 : ours[ours.size() / 2]->bpp();
}

}  // namespace

std::vector<SampleCrop> collect_crops(const RunSettings& settings, const Results& results) {
  std::vector<SampleCrop> crops;
  const std::string layout_name = main_layout(results);
  const Layout* layout = nullptr;
  for (const Layout& l : settings.grid.layouts) {
    if (l.name == layout_name) layout = &l;
  }
  const Result<Workspace> workspace = Workspace::create();
  if (layout == nullptr || !workspace) return crops;
  for (const std::string& path : settings.images) {
    const std::string image = std::filesystem::path(path).filename().string();
    if (!settings.samples.contains(image)) continue;
    const Result<Picture> original = settings.files.read(path);
    if (!original) continue;
    const std::string file = workspace->file("original.png");
    if (!settings.files.write(cut(*original, crop_of(*original)), file)) continue;
    const Result<std::vector<uint8_t>> png = read_file(file);
    if (!png) continue;
    crops.push_back({image, "original", "", 0, 0, *png});

    const std::vector<Size> sizes = layout_sizes(*layout, original->size);
    const double target = target_bpp(results, image, layout_name);
    for (const Contestant& contestant : settings.contestants) {
      const EvaluatedCodec& codec = *contestant.codec;
      const bool layers = codec.kind() == StreamKind::kScalable;
      // The file of the top layer alone, whichever schemes are reported of it.
      const char* scheme = layers ? kOneStream : contestant.single ? kSingle : kSimulcast;
      const Row* best = nullptr;
      const auto rate = [](const Row& r) { return 8.0 * static_cast<double>(r.bytes) / r.pixels(); };
      const auto distance = [&](const Row& r) {
        return std::abs(std::log((layers ? r.bpp() : rate(r)) / target));
      };
      for (const Row* row : top_rows(results, image, layout_name, codec.name(), scheme)) {
        if (best == nullptr || distance(*row) < distance(*best)) best = row;
      }
      if (best == nullptr) continue;
      const std::vector<Size> wanted = layers ? sizes : std::vector<Size>{sizes.back()};
      const Result<std::vector<uint8_t>> crop =
          read_file(crop_path(settings, *original, codec, best->setting, wanted));
      if (!crop) continue;
      crops.push_back({image, label_of(codec.name(), layers ? kOneStream : kSingle), best->setting,
                       layers ? best->bpp() : rate(*best), best->psnr, *crop});
    }
  }
  return crops;
}

}  // namespace compass::eval
