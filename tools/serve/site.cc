#include "serve/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "bitstream/container.h"
#include "model_file/model_ids.h"
#include "serve/negotiate.h"
#include "serve/pages.h"

namespace compass::tools::serve {
namespace {

// Pages list no more files: each one's header is read.
constexpr size_t kMostListed = 2000;
constexpr const char* kParts = ".compass";

std::string joined(std::span<const std::string> path) {
  std::string text;
  for (const std::string& part : path) text += text.empty() ? part : '/' + part;
  return text;
}

Answer not_found() {
  return text_answer(404, "there is no such file here");
}

// A request that is wrong, or for what is not offered.
Answer refused(const Error& error) {
  return text_answer(error.code == ErrorCode::kUsage ? 400 : 501, error.message);
}

// A file that cannot be shown, which clients cannot help; or not now.
Answer failed(const Error& error) {
  if (error.code != ErrorCode::kCancelled)
    return text_answer(500, "the picture cannot be shown: " + error.message);
  Answer busy = text_answer(503, error.message);
  busy.headers.emplace_back("Retry-After", "1");
  return busy;
}

// A whole number of at least 1.
std::optional<int> positive(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size() && value >= 1;
  return good ? std::optional(value) : std::nullopt;
}

// Whether a client that has this entity tag need not get the answer again.
bool has_tag(const std::string& if_none_match, const std::string& tag) {
  return if_none_match == "*" || if_none_match.find(tag) != std::string::npos;
}

// The answer with what lets clients keep it and ask whether it is still the same.
Answer kept_by_clients(const Request& request, Answer answer, const std::string& tag) {
  const std::string quoted = fmt::format("\"{}\"", tag);
  answer.headers.emplace_back("ETag", quoted);
  answer.headers.emplace_back("Cache-Control", "no-cache");
  if (answer.status == 200 && has_tag(request.if_none_match, quoted)) {
    answer.status = 304;
    answer.body = nullptr;
  }
  return answer;
}

// The size of a picture of size `full` in a box: of the same shape, and no larger than the picture.
Size within(Size full, Size box) {
  const double scale = std::min(
      {1.0, static_cast<double>(box.width) / full.width, static_cast<double>(box.height) / full.height});
  const auto side = [scale](int of) { return std::max(1, static_cast<int>(std::lround(of * scale))); };
  return {side(full.width), side(full.height)};
}

// What ?width, ?height or ?layer say of a whole picture's size. Errors: kUsage.
Result<Rendering> rendering_of(const Url& url, const ContainerHeader& header, const std::string& format) {
  const Size full = header.layers.back().size;
  Rendering rendering{.region = whole(full), .size = full, .format = format};
  const std::string* const layer = url.find("layer");
  const std::string* const width = url.find("width");
  const std::string* const height = url.find("height");
  if (layer != nullptr) {
    const auto k = *layer == "0" ? std::optional(0) : positive(*layer);
    if (!k || static_cast<size_t>(*k) >= header.layers.size()) {
      return Error{ErrorCode::kUsage, fmt::format("layer is not 0 to {}", header.layers.size() - 1)};
    }
    rendering.size = header.layers[*k].size;
  }
  if (width != nullptr || height != nullptr) {
    const int w = width == nullptr ? full.width : positive(*width).value_or(0);
    const int h = height == nullptr ? full.height : positive(*height).value_or(0);
    if (w == 0 || h == 0) return Error{ErrorCode::kUsage, "width and height are whole numbers of pixels"};
    rendering.size = width != nullptr && height != nullptr
                         ? Size{std::min(w, full.width), std::min(h, full.height)}
                         : within(full, {w, h});
  }
  if (rendering.size.pixels() > kMaxAnswerPixels) {
    return Error{ErrorCode::kUsage,
                 fmt::format("{}x{} has more than {} million pixels: ask for a smaller size",
                             rendering.size.width, rendering.size.height, kMaxAnswerPixels / 1'000'000)};
  }
  return rendering;
}

// A host as it may stand in an address.
bool is_host(const std::string& host) {
  return !host.empty() && host.size() < 256 && std::ranges::all_of(host, [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']' || c == '_';
  });
}

}  // namespace

Site::Site(SiteOptions options, Folder folder)
    : options_(std::move(options)),
      folder_(std::move(folder)),
      renderer_(options_.rendering),
      models_(options_.models) {
  if (options_.web_folder.empty()) return;
  if (auto web = Folder::open(options_.web_folder)) web_.emplace(*std::move(web));
}

Result<std::unique_ptr<Site>> Site::open(SiteOptions options) {
  auto folder = Folder::open(options.folder);
  if (!folder) return folder.error();
  return std::unique_ptr<Site>(new Site(std::move(options), *std::move(folder)));
}

Status Site::check_only() const {
  const auto found = folder_.file({&options_.only, 1});
  if (found == nullptr) return Error{ErrorCode::kIo, "cannot be read, or has a hidden name"};
  const auto header = renderer_.header(*found);
  return header ? Status() : header.error();
}

Answer Site::answer(const Request& request) {
  const auto url = parse_url(request.target);
  Answer answer = url ? answer_url(request, *url) : text_answer(400, "this is no address of a file");
  answer = compressor_.compressed(request, std::move(answer));
  answer.headers.emplace_back("Access-Control-Allow-Origin", "*");
  answer.headers.emplace_back("Access-Control-Expose-Headers", "Content-Range, ETag");
  answer.headers.emplace_back("X-Content-Type-Options", "nosniff");
  return answer;
}

Answer Site::answer_url(const Request& request, const Url& url) {
  const auto& path = url.path;
  if (path.front() == kParts) return page_part(request, url);
  if (path.front() == "iiif" && path.size() > 1 && path[1] == "3") return iiif(request, url);
  if (url.is_folder()) return folder_page(url);
  return file(request, url);
}

// Of a folder without a slash at its end, the address with it.
Answer Site::file(const Request& request, const Url& url) {
  const std::string name = joined(url.path);
  const bool is_open = options_.only.empty() || name == options_.only;
  const auto found = is_open ? folder_.file(url.path) : nullptr;
  if (found == nullptr) {
    if (!is_open || !folder_.is_folder(url.path)) return not_found();
    Answer moved = text_answer(301, "this is a folder");
    moved.headers.emplace_back("Location", "./" + percent_encoded(url.path.back()) + '/');
    return moved;
  }
  const std::string ending = ending_of(name);
  if (ending == ".cmps") return picture(request, url, found);
  return kept_by_clients(request, {200, type_of_ending(ending), {}, found}, found->tag());
}

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
    moved.headers.emplace_back("Location",
                               web_ ? ".compass/viewer.html?src=../" + address : address + "?format=webp");
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
    parts.module_folder += std::string(kParts) + '/';
    parts.viewer_prefix = "../" + joined(path) + (path.empty() ? "" : "/");
  }
  const std::string title = path.empty() ? "Pictures" : path.back();
  return {
      200, type_of_ending(".html"), {}, body_of(gallery_page(title, pictures, folders, parts, path.empty()))};
}

Answer Site::picture(const Request& request, const Url& url, const std::shared_ptr<const OpenFile>& file) {
  const std::string* const asked = url.find("format");
  std::string format = asked == nullptr ? wanted_format(request.accept, request.has_range) : "";
  if (asked != nullptr && *asked != "cmps") {
    format = ending_of_format(*asked);
    if (format.empty()) return text_answer(400, "format is one of cmps, webp, jpeg and png");
  }
  Answer answer;
  const std::string* const layer = url.find("layer");
  if (format.empty() && layer == nullptr) {
    answer = kept_by_clients(request, {200, kCmpsType, {}, file}, file->tag());
  } else if (format.empty()) {
    answer = first_layers(request, *layer, *file);
  } else {
    const auto header = renderer_.header(*file);
    if (!header) return failed(header.error());
    const auto rendering = rendering_of(url, *header, format);
    if (!rendering) return refused(rendering.error());
    answer = rendered(request, *file, joined(url.path), *header, *rendering);
  }
  if (asked == nullptr) answer.headers.emplace_back("Vary", "Accept, Range");
  return answer;
}

Answer Site::first_layers(const Request& request, const std::string& layer, const OpenFile& file) {
  const auto header = renderer_.header(file);
  if (!header) return failed(header.error());
  const auto k = layer == "0" ? std::optional(0) : positive(layer);
  if (!k || static_cast<size_t>(*k) >= header->layers.size()) {
    return text_answer(400, fmt::format("layer is not 0 to {}", header->layers.size() - 1));
  }
  const auto bytes = file.first(header->layers[*k].end());
  if (!bytes) return failed(bytes.error());
  auto kept = extract_layers(*bytes, *k + 1);
  if (!kept) return failed(kept.error());
  return kept_by_clients(request, {200, kCmpsType, {}, body_of(*std::move(kept))},
                         fmt::format("{}-{}", file.tag(), *k));
}

Answer Site::rendered(const Request& request, const OpenFile& file, const std::string& name,
                      const ContainerHeader& header, const Rendering& rendering) {
  const Rect& part = rendering.region;
  const std::string tag =
      fmt::format("{}-{}.{}.{}.{}-{}x{}{}{}", file.tag(), part.x, part.y, part.width, part.height,
                  rendering.size.width, rendering.size.height, rendering.grey ? "g" : "", rendering.format);
  if (has_tag(request.if_none_match, fmt::format("\"{}\"", tag))) {
    return kept_by_clients(request, {200, type_of_ending(rendering.format), {}, nullptr}, tag);
  }
  auto body = renderer_.render(file, name, header, rendering);
  if (!body) return failed(body.error());
  return kept_by_clients(request, {200, type_of_ending(rendering.format), {}, *std::move(body)}, tag);
}

std::string Site::base(const Request& request) const {
  if (!options_.base_url.empty()) return options_.base_url;
  return "http://" + (is_host(request.host) ? request.host : std::string("localhost"));
}

// /iiif/3/NAME, /iiif/3/NAME/info.json, /iiif/3/NAME/region/size/rotation/quality.format; slashes of NAME are
// %2F.
Answer Site::iiif(const Request& request, const Url& url) {
  if (url.path.size() < 3) return not_found();
  const std::string& name = url.path[2];
  std::vector<std::string> path;
  for (const std::string_view part : split(name, '/')) path.emplace_back(part);
  const bool is_open = options_.only.empty() || name == options_.only;
  const auto found = is_open && ending_of(name) == ".cmps" ? folder_.file(path) : nullptr;
  if (found == nullptr) return not_found();
  const std::string id = base(request) + "/iiif/3/" + percent_encoded(name);
  const size_t rest = url.path.size() - 3;
  if (rest == 0 || (rest == 1 && url.path[3].empty())) {
    Answer see = text_answer(303, "see info.json");
    see.headers.emplace_back("Location", id + "/info.json");
    return see;
  }
  const auto header = renderer_.header(*found);
  if (!header) return failed(header.error());
  std::vector<Size> sizes;
  for (const LayerEntry& layer : header->layers) sizes.push_back(layer.size);
  Answer answer;
  if (rest == 1 && url.path[3] == "info.json") {
    const bool ld = request.accept.find("application/ld+json") != std::string::npos;
    answer = {
        200,
        ld ? R"(application/ld+json;profile="http://iiif.io/api/image/3/context.json")" : "application/json",
        {{"Vary", "Accept"}},
        body_of(iiif_info(id, sizes))};
  } else if (rest == 4) {
    const auto rendering = parse_iiif(std::span(url.path).subspan(3), sizes.back());
    if (!rendering) return refused(rendering.error());
    answer = rendered(request, *found, name, *header, *rendering);
  } else {
    return text_answer(400, "an image request is region/size/rotation/quality.format");
  }
  answer.headers.emplace_back("Link", "<http://iiif.io/api/image/3/level1.json>;rel=\"profile\"");
  return answer;
}

}  // namespace compass::tools::serve
