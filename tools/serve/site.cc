#include "serve/site.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "bitstream/container.h"
#include "serve/negotiate.h"
#include "serve/pages.h"
#include "serve/site_answers.h"

namespace compass::tools::serve {
namespace {

// A whole number of at least 1.
std::optional<int> positive(const std::string& text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool good = error == std::errc() && end == text.data() + text.size() && value >= 1;
  return good ? std::optional(value) : std::nullopt;
}

// The size of a picture of size `full` in a box: of the same shape, and no larger than the picture.
Size within(Size full, Size box) {
  const double scale = std::min(
      {1.0, static_cast<double>(box.width) / full.width, static_cast<double>(box.height) / full.height});
  const auto side = [scale](int of) { return std::max(1, static_cast<int>(std::lround(of * scale))); };
  return {side(full.width), side(full.height)};
}

// What ?layer says. Errors: kUsage.
Result<int> layer_of(const std::string& text, const ContainerHeader& header) {
  const auto k = text == "0" ? std::optional(0) : positive(text);
  if (k && static_cast<size_t>(*k) < header.layers.size()) return *k;
  return Error{ErrorCode::kUsage, fmt::format("layer is not 0 to {}", header.layers.size() - 1)};
}

// What ?width, ?height or ?layer say of a whole picture's size. Errors: kUsage.
Result<Rendering> rendering_of(const Url& url, const ContainerHeader& header, const std::string& format) {
  const Size full = header.layers.back().size;
  Rendering rendering{.region = whole(full), .size = full, .format = format};
  const std::string* const layer = url.find("layer");
  const std::string* const width = url.find("width");
  const std::string* const height = url.find("height");
  if (layer != nullptr) {
    const auto k = layer_of(*layer, header);
    if (!k) return k.error();
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
  if (path.front() == kPageParts) return page_part(request, url);
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
  const auto k = layer_of(layer, *header);
  if (!k) return refused(k.error());
  const auto bytes = file.first(header->layers[*k].end());
  if (!bytes) return failed(bytes.error());
  auto kept = extract_layers(*bytes, *k + 1, {.max_pixels = options_.rendering.codec.max_pixels});
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

}  // namespace compass::tools::serve
