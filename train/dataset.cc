#include "dataset.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "image/ppm.h"
#include "patch_grid.h"
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
  return {std::filesystem::path(path).stem().string(), "", rows.permute({2, 0, 1}).contiguous()};
}

namespace {

// FNV-1a's 64 bits, which are the same everywhere (Fowler, Noll, Vo).
uint64_t hash_of(const std::string& name) {
  uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001B3U;
  return mixed(hash);
}

// The pictures of one kind, some of them held back.
void add_kind(Dataset& dataset, const std::filesystem::path& folder, const std::string& kind,
              size_t held_back) {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".ppm") paths.push_back(entry.path().string());
  }
  if (paths.empty()) return;
  std::sort(paths.begin(), paths.end());
  TORCH_CHECK(paths.size() > held_back, folder.string(), ": needs more than ", held_back,
              " .ppm pictures, has ", paths.size());
  std::vector<uint64_t> hashes;
  for (const std::string& path : paths)
    hashes.push_back(hash_of(std::filesystem::path(path).stem().string()));
  std::vector<uint64_t> order = hashes;
  std::sort(order.begin(), order.end());
  for (size_t i = 0; i < paths.size(); ++i) {
    auto& side = hashes[i] < order[held_back] ? dataset.validation : dataset.train;
    side.push_back(read_ppm(paths[i]));
    side.back().kind = kind;
  }
}

// Draws a picture in the shares of the kinds.
class Draw {
 public:
  Draw(const std::vector<Picture>& pictures, const std::map<std::string, double>& shares)
      : pictures_(pictures) {
    if (shares.empty()) return;
    for (const auto& [kind, share] : shares) groups_.push_back({share, {}});
    groups_.push_back({1.0, {}});  // the rest
    for (size_t i = 0; i < pictures.size(); ++i) {
      const auto found = shares.find(pictures[i].kind);
      groups_[static_cast<size_t>(std::distance(shares.begin(), found))].members.push_back(i);
    }
    auto group = groups_.begin();
    for (const auto& [kind, share] : shares) {
      const bool empty = (group++)->members.empty();
      TORCH_CHECK(share == 0.0 || !empty, "shares: there are no pictures of kind '", kind, "'");
    }
  }

  const Picture& next(std::mt19937_64& random) const {
    if (groups_.empty()) return pictures_[random() % pictures_.size()];
    double place = std::uniform_real_distribution<double>(0.0, 1.0)(random);
    const Group* chosen = nullptr;
    for (const Group& group : groups_) {
      if (group.members.empty()) continue;
      chosen = &group;
      if (place < group.share) break;
      place -= group.share;
    }
    return pictures_[chosen->members[random() % chosen->members.size()]];
  }

 private:
  struct Group {
    double share;
    std::vector<size_t> members;
  };
  const std::vector<Picture>& pictures_;
  std::vector<Group> groups_;  // empty: all pictures have equal shares
};

}  // namespace

Dataset load_dataset(const std::string& folder, int held_back) {
  Dataset dataset;
  add_kind(dataset, folder, "", static_cast<size_t>(held_back));
  std::vector<std::filesystem::path> kinds;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_directory()) kinds.push_back(entry.path());
  }
  std::sort(kinds.begin(), kinds.end());
  for (const auto& kind : kinds)
    add_kind(dataset, kind, kind.filename().string(), static_cast<size_t>(held_back));
  TORCH_CHECK(!dataset.train.empty(), folder, ": holds no .ppm pictures, nor do the folders in it");
  return dataset;
}

torch::Tensor random_patches(const std::vector<Picture>& pictures, int64_t count, const Cropping& cropping,
                             std::mt19937_64& random) {
  const Draw draw(pictures, cropping.shares);
  const int64_t size = cropping.size;
  std::vector<torch::Tensor> patches;
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  for (int64_t i = 0; i < count; ++i) {
    const torch::Tensor& pixels = draw.next(random).pixels;
    const int64_t shorter = std::min(pixels.size(1), pixels.size(2));
    const bool shrinks = cropping.own_scale == 0.0 || unit(random) >= cropping.own_scale;
    const double limit = std::min(shrinks ? cropping.max_shrink : 1.0,
                                  static_cast<double>(shorter) / static_cast<double>(size));
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
