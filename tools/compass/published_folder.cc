#include "published_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

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

std::string state_of(const struct stat& info) {
  const std::array<int64_t, 3> numbers{info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
  return fmt::format("{:016x}", XXH3_64bits(numbers.data(), sizeof(numbers)));
}

std::optional<ListedFile> listed_file(const nlohmann::json& entry) {
  if (!entry.is_object()) return std::nullopt;
  const auto text = [&](const char* key) {
    const auto found = entry.find(key);
    return found != entry.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto bytes = entry.find("bytes");
  const Origin origin{text("source"), text("state"), text("settings")};
  if (bytes == entry.end() || !bytes->is_number_unsigned() || origin.state.empty()) return std::nullopt;
  return ListedFile{bytes->get<uint64_t>(), origin};
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
    const fs::path source_name = path.lexically_relative(from);
    fs::path name = source_name;
    name.replace_extension(".cmps");
    files.push_back({path, source_name.generic_string(), name.generic_string(), is_cmps});
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

Result<Origin> origin_of(const PublishedFile& file, const std::string& settings) {
  struct stat info {};
  if (stat(file.source.c_str(), &info) != 0) {
    return Error{ErrorCode::kIo,
                 fmt::format("{}: cannot read: {}", file.source.string(), std::strerror(errno))};
  }
  return Origin{serve::percent_encoded(file.source_name, true), state_of(info), settings};
}

std::string manifest_of(const std::vector<PublishedPicture>& pictures) {
  nlohmann::ordered_json manifest{{"pictures", nlohmann::ordered_json::array()}};
  for (const PublishedPicture& picture : pictures) {
    nlohmann::ordered_json layers = nlohmann::ordered_json::array();
    for (const LayerEntry& layer : picture.header.layers) {
      layers.push_back({{"width", layer.size.width}, {"height", layer.size.height}, {"bytes", layer.end()}});
    }
    const Origin& origin = picture.origin;
    manifest["pictures"].push_back({{"file", picture.name},
                                    {"bytes", picture.bytes},
                                    {"decoder", to_string(picture.header.decoder)},
                                    {"layers", std::move(layers)},
                                    {"source", origin.source},
                                    {"state", origin.state},
                                    {"settings", origin.settings}});
  }
  // Names need not be UTF-8.
  return manifest.dump(1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::map<std::string, ListedFile> files_of_manifest(const fs::path& manifest) {
  std::ifstream in(manifest, std::ios::binary);
  const auto parsed = nlohmann::json::parse(in, nullptr, false);
  std::map<std::string, ListedFile> files;
  if (!parsed.is_object() || !parsed.contains("pictures")) return files;
  for (const nlohmann::json& entry : parsed["pictures"]) {
    if (const auto file = listed_file(entry)) files.emplace(file->origin.source, *file);
  }
  return files;
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
