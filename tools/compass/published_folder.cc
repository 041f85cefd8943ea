#include "published_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "codec/encoder.h"
#include "serve/negotiate.h"
#include "serve/pages.h"
#include "serve/url.h"

namespace compass::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::array kPictures{".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".heic", ".heif", ".avif",
                               ".jxl", ".jp2",  ".ppm", ".pgm",  ".pnm", ".pam",  ".gif",  ".bmp"};
constexpr int kThumbnail = 512;  // pixels of the longer side that the smallest layer has at most
constexpr int kMostLayers = 6;

bool lies_within(const fs::path& inner, const fs::path& outer) {
  const auto [end, unused] = std::ranges::mismatch(outer, inner);
  return end == outer.end() || end->empty();
}

serve::PageParts parts() {
  return {.module_folder = "compass/", .viewer_prefix = "../", .has_server = false};
}

std::vector<serve::Shown> shown(const std::vector<PublishedPicture>& pictures) {
  std::vector<serve::Shown> all;
  for (const PublishedPicture& picture : pictures) {
    all.push_back({picture.name, to_string(picture.header.decoder), picture.header.layers});
  }
  return all;
}

}  // namespace

Result<std::vector<PublishedFile>> files_to_publish(const fs::path& folder, const fs::path& out) {
  std::error_code error;
  const fs::path from = fs::canonical(folder, error);
  if (error) return Error{ErrorCode::kIo, fmt::format("{}: {}", folder.string(), error.message())};
  if (lies_within(fs::weakly_canonical(out, error), from)) {
    return Error{ErrorCode::kUsage, fmt::format("OUT: {} lies within {}; name a folder elsewhere",
                                                out.string(), folder.string())};
  }
  std::vector<PublishedFile> files;
  fs::recursive_directory_iterator at(from, fs::directory_options::skip_permission_denied, error);
  for (; !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
    const fs::path& path = at->path();
    const bool is_public = serve::is_public_name(path.filename().string());
    std::error_code ignored;
    if (at->is_directory(ignored) && !is_public) at.disable_recursion_pending();
    if (!is_public || !at->is_regular_file(ignored)) continue;
    const std::string ending = serve::ending_of(path.string());
    const bool is_cmps = ending == ".cmps";
    if (!is_cmps && std::ranges::find(kPictures, ending) == kPictures.end()) continue;
    fs::path name = path.lexically_relative(from);
    name.replace_extension(".cmps");
    files.push_back({path, name.generic_string(), is_cmps});
  }
  if (error) return Error{ErrorCode::kIo, fmt::format("{}: {}", folder.string(), error.message())};
  std::ranges::sort(files, {}, [](const PublishedFile& file) { return std::pair(file.name, file.source); });
  const auto same = std::ranges::adjacent_find(files, {}, &PublishedFile::name);
  if (same == files.end()) return files;
  return Error{ErrorCode::kUsage,
               fmt::format("{} and {} would both become {}: rename one of them", same->source.string(),
                           std::next(same)->source.filename().string(), same->name)};
}

std::vector<double> page_scales(Size full) {
  int layers = 1;
  while (layers < kMostLayers && std::max(full.width, full.height) >> (layers - 1) > kThumbnail) ++layers;
  return default_scales(layers);
}

std::string manifest_of(const std::vector<PublishedPicture>& pictures, const std::string& settings) {
  nlohmann::ordered_json manifest{{"settings", settings}, {"pictures", nlohmann::ordered_json::array()}};
  for (const PublishedPicture& picture : pictures) {
    nlohmann::ordered_json layers = nlohmann::ordered_json::array();
    for (const LayerEntry& layer : picture.header.layers) {
      layers.push_back({{"width", layer.size.width}, {"height", layer.size.height}, {"bytes", layer.end()}});
    }
    manifest["pictures"].push_back({{"file", picture.name},
                                    {"bytes", picture.bytes},
                                    {"decoder", to_string(picture.header.decoder)},
                                    {"layers", std::move(layers)}});
  }
  // Names need not be UTF-8.
  return manifest.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string settings_of_manifest(const fs::path& manifest) {
  std::ifstream in(manifest, std::ios::binary);
  const auto parsed = nlohmann::json::parse(in, nullptr, false);
  if (!parsed.is_object()) return "";
  const auto found = parsed.find("settings");
  return found != parsed.end() && found->is_string() ? found->get<std::string>() : "";
}

std::string snippet_of(const std::vector<PublishedPicture>& pictures) {
  std::string text = serve::script_tags(parts()) + '\n';
  for (const serve::Shown& picture : shown(pictures)) text += serve::picture_tag(picture, parts(), 0) + '\n';
  return text;
}

std::string index_of(const std::string& title, const std::vector<PublishedPicture>& pictures) {
  return serve::gallery_page(title, shown(pictures), {}, parts(), true);
}

}  // namespace compass::tools
