#include "dataset.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "image/ppm.h"
#include "pyramid.h"

namespace compass::train {

Picture read_ppm(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  TORCH_CHECK(file, path, ": cannot be read");
  const Result<Rgb8View> view = parse_ppm(bytes);
  TORCH_CHECK(view.ok(), path, ": ", view.error().message);
  const torch::Tensor rows = torch::from_blob(const_cast<uint8_t*>(view->data),
                                              {view->size.height, view->size.width, 3}, torch::kUInt8);
  return {std::filesystem::path(path).stem().string(), rows.permute({2, 0, 1}).contiguous()};
}

Dataset load_dataset(const std::string& folder, int held_back) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".ppm") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  TORCH_CHECK(static_cast<int>(paths.size()) > held_back, folder, ": needs more than ", held_back,
              " .ppm pictures, has ", paths.size());
  std::mt19937_64 order(20231004);  // the split must never change between runs
  std::shuffle(paths.begin(), paths.end(), order);
  Dataset dataset;
  for (size_t i = 0; i < paths.size(); ++i) {
    auto& side = static_cast<int>(i) < held_back ? dataset.validation : dataset.train;
    side.push_back(read_ppm(paths[i]));
  }
  return dataset;
}

torch::Tensor random_patches(const std::vector<Picture>& pictures, int64_t count, int64_t size,
                             double max_shrink, std::mt19937_64& random) {
  std::vector<torch::Tensor> patches;
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  for (int64_t i = 0; i < count; ++i) {
    const torch::Tensor& pixels = pictures[random() % pictures.size()].pixels;
    const int64_t shorter = std::min(pixels.size(1), pixels.size(2));
    const double limit = std::min(max_shrink, static_cast<double>(shorter) / static_cast<double>(size));
    const double shrink = limit <= 1.0 ? limit : std::exp(unit(random) * std::log(limit));
    const auto side = std::min<int64_t>(shorter, std::llround(shrink * static_cast<double>(size)));
    const auto y = static_cast<int64_t>(unit(random) * static_cast<double>(pixels.size(1) - side + 1));
    const auto x = static_cast<int64_t>(unit(random) * static_cast<double>(pixels.size(2) - side + 1));
    torch::Tensor crop = pixels.slice(1, y, y + side).slice(2, x, x + side).to(torch::kFloat) / 255.0;
    if (unit(random) < 0.5) crop = crop.flip(2);
    if (unit(random) < 0.25) crop = crop.transpose(1, 2);
    patches.push_back(resize_bicubic(crop.unsqueeze(0), size, size).clamp(0, 1));
  }
  return torch::cat(patches);
}

}  // namespace compass::train
