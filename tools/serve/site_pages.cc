// A site's pages: what they load, and those of folders.
#include <fmt/format.h>

#include "model_file/model_ids.h"
#include "serve/negotiate.h"
#include "serve/pages.h"
#include "serve/site.h"
#include "serve/site_answers.h"

namespace compass::tools::serve {
namespace {

// Pages list no more files: each one's header is read.
constexpr size_t kMostListed = 2000;

}  // namespace

Answer Site::page_part(const Request& request, const Url& url) {
  if (!web_ || url.path.size() < 2) return not_found();
  if (url.path[1] == kPageModelFolder) return page_model(request, std::span(url.path).subspan(2));
  const auto found = web_->file(std::span(url.path).subspan(1));
  if (found == nullptr) return not_found();
  return kept_by_clients(request, {200, type_of_ending(ending_of(url.path.back())), {}, found}, found->tag());
}

// encoder.json, or ID/PIECE.
Answer Site::page_model(const Request& request, std::span<const std::string> path) {
  if (path.size() == 1 && path[0] == kEncoderFile) {
    const std::string id = models_.encoder();
    if (id.empty()) return not_found();
    const auto body = body_of(fmt::format(R"({{"decoder": "{}"}})", id) + '\n');
    return kept_by_clients(request, {200, type_of_ending(ending_of(path[0])), {}, body}, id);
  }
  if (path.size() != 2) return not_found();
  const auto [body, tag] = models_.find(path[0], path[1]);
  if (body == nullptr) return not_found();
  return kept_by_clients(request, {200, type_of_ending(ending_of(path[1])), {}, body}, tag);
}

Answer Site::folder_page(const Url& url) {
  std::vector<std::string> path = url.path;
  path.back() = "index.html";
  if (!options_.only.empty()) {
    Answer moved = text_answer(302, "the picture");
    const std::string address = percent_encoded(options_.only);
    moved.headers.emplace_back("Location", web_ ? ".compass/viewer.html?src=../" + percent_encoded(address)
                                                : address + "?format=webp");
    return url.path.size() == 1 ? moved : not_found();
  }
  if (const auto index = folder_.file(path)) return {200, type_of_ending(".html"), {}, index};
  path.pop_back();
  if (!path.empty() && !folder_.is_folder(path)) return not_found();
  const auto entries = folder_.list(path, kMostListed);
  if (!entries) return not_found();
  std::vector<Shown> pictures;
  std::vector<std::string> folders;
  for (const FolderEntry& entry : *entries) {
    if (entry.is_folder) folders.push_back(entry.name);
    if (entry.is_folder || ending_of(entry.name) != ".cmps") continue;
    path.push_back(entry.name);
    if (const auto found = folder_.file(path)) {
      if (const auto header = renderer_.header(*found)) {
        pictures.push_back({entry.name, to_string(header->decoder), header->layers});
      }
    }
    path.pop_back();
  }
  PageParts parts;
  if (web_) {
    for (size_t i = 0; i < path.size(); ++i) parts.module_folder += "../";
    parts.module_folder += std::string(kPageParts) + '/';
    parts.viewer_prefix = "../" + joined(path) + (path.empty() ? "" : "/");
  }
  const std::string title = path.empty() ? "Pictures" : path.back();
  return {
      200, type_of_ending(".html"), {}, body_of(gallery_page(title, pictures, folders, parts, path.empty()))};
}

}  // namespace compass::tools::serve
