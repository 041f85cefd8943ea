// A site's answers to the IIIF Image API.
#include <algorithm>
#include <cctype>

#include "serve/iiif.h"
#include "serve/negotiate.h"
#include "serve/site.h"
#include "serve/site_answers.h"

namespace compass::tools::serve {
namespace {

// A host as it may stand in an address.
bool is_host(const std::string& host) {
  return !host.empty() && host.size() < 256 && std::ranges::all_of(host, [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == ':' || c == '[' || c == ']' || c == '_';
  });
}

}  // namespace

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
