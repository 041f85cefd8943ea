#include "serve/pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "serve/url.h"

namespace compass::tools::serve {
namespace {

constexpr int kRow = 260;  // pixels that a gallery's rows are high, more or less

// What compass-img.mjs imports, directly or not.
constexpr std::array kImported{"compass",        "decoder_pool",   "layer_choice", "model_source",
                               "picture_loader", "placed_picture", "remote_file",  "worker_decoder"};
// Bytes that pages ask for when they know nothing of a file (picture_loader.mjs).
constexpr uint64_t kFirstRequest = 256;

// Rows are filled: a picture grows with its width, so that all of a row keep their shapes.
constexpr const char* kStyle = R"(
:root { color-scheme: light dark; --ink: #1c1d1f; --soft: #6a6e75; --paper: #fbfaf8; --edge: #e4e2dd; }
@media (prefers-color-scheme: dark) { :root { --ink: #ecebe8; --soft: #9a9da3; --paper: #17181a; --edge: #2c2e31; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
header { padding: 1.5rem 1rem .75rem; display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem; }
h1 { font-size: 1.25rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.count, nav { color: var(--soft); font-size: .875rem; }
nav { padding: 0 1rem .75rem; display: flex; flex-wrap: wrap; gap: .5rem; }
nav a { color: inherit; border: 1px solid var(--edge); border-radius: 1rem; padding: .1rem .75rem; text-decoration: none; }
nav a:hover, nav a:focus-visible { color: var(--ink); border-color: var(--soft); }
main { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0 1rem 2rem; }
main::after { content: ""; flex: 1000 0 0; }
figure { margin: 0; position: relative; overflow: hidden; border-radius: 4px; background: var(--edge); }
figure a { display: block; }
figure compass-img, figure img { display: block; width: 100%; height: 100%; object-fit: cover; }
figcaption { position: absolute; inset: auto 0 0; padding: 1.25rem .6rem .4rem; font-size: .75rem; color: #fff;
  background: linear-gradient(transparent, #000a); opacity: 0; transition: opacity .15s; overflow-wrap: anywhere; }
figure:hover figcaption, figure:focus-within figcaption { opacity: 1; }
.empty { padding: 3rem 1rem; color: var(--soft); }
)";

// What browsers without scripts get, and all where there is no module.
std::string plain_tag(const Shown& picture, int width) {
  const std::string address = percent_encoded(picture.name, true);
  const int sides = std::min(2 * width, picture.size().width);
  return fmt::format(
      R"(<img src="{}?format=jpeg&amp;width={}" alt="{}" width="{}" height="{}" loading="lazy">)", address,
      sides, html_escaped(picture.name), picture.size().width, picture.size().height);
}

// The model that the picture takes, which can so be asked for at once, and where each layer ends, which saves
// asking for the header. The latter not if metadata lies before the layers: it is not wanted.
std::string known_attributes(const Shown& picture) {
  const std::vector<LayerEntry>& layers = picture.layers;
  const std::string decoder = fmt::format(R"( data-decoder="{}")", picture.decoder);
  if (layers.front().begin() > kFirstRequest) return decoder;
  std::string text;
  for (const LayerEntry& layer : layers) {
    text +=
        fmt::format("{}{}x{} {}", text.empty() ? "" : ", ", layer.size.width, layer.size.height, layer.end());
  }
  return decoder + fmt::format(R"( data-layers="{}")", text);
}

}  // namespace

std::string script_tags(const PageParts& parts) {
  const std::string& folder = parts.module_folder;
  if (folder.empty()) return "";
  std::string tags = fmt::format("<script type=\"module\" src=\"{}compass-img.mjs\"></script>\n", folder);
  for (const char* module : kImported) {
    tags += fmt::format("<link rel=\"modulepreload\" href=\"{}{}.mjs\">\n", folder, module);
  }
  return tags +
         fmt::format("<link rel=\"preload\" href=\"{}compass.wasm.gz\" as=\"fetch\" crossorigin>\n", folder);
}

std::string picture_tag(const Shown& picture, const PageParts& parts, int row) {
  const int width = std::max(1, static_cast<int>(std::lround(static_cast<double>(row) * picture.size().width /
                                                             picture.size().height)));
  if (parts.module_folder.empty()) return plain_tag(picture, width);
  const std::string fallback =
      parts.has_server ? fmt::format("<noscript>{}</noscript>", plain_tag(picture, width)) : "";
  return fmt::format(R"(<compass-img src="{}" alt="{}" width="{}" height="{}"{}>{}</compass-img>)",
                     percent_encoded(picture.name, true), html_escaped(picture.name), picture.size().width,
                     picture.size().height, known_attributes(picture), fallback);
}

std::string gallery_page(const std::string& title, std::span<const Shown> pictures,
                         std::span<const std::string> folders, const PageParts& parts, bool is_root) {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<title>{}</title>\n<style>{}</style>\n",
      html_escaped(title), kStyle);
  page += script_tags(parts);
  page += fmt::format("<header><h1>{}</h1><span class=\"count\">{} {}</span></header>\n", html_escaped(title),
                      pictures.size(), pictures.size() == 1 ? "picture" : "pictures");
  if (!folders.empty() || !is_root) {
    page += "<nav>";
    if (!is_root) page += R"(<a href="../">up</a>)";
    for (const std::string& folder : folders) {
      page += fmt::format(R"(<a href="{}/">{}</a>)", percent_encoded(folder), html_escaped(folder));
    }
    page += "</nav>\n";
  }
  if (pictures.empty()) page += "<p class=\"empty\">There are no .cmps files in this folder.</p>\n";
  page += "<main>\n";
  for (const Shown& picture : pictures) {
    const double shape = static_cast<double>(picture.size().width) / picture.size().height;
    const double shown = std::clamp(shape, 0.4, 4.0);
    const std::string address = percent_encoded(picture.name, true);
    // A URL, and that as the value of a query.
    const std::string source =
        percent_encoded(percent_encoded(parts.viewer_prefix + picture.name, true), true);
    const std::string link = parts.module_folder.empty()
                                 ? address
                                 : fmt::format("{}viewer.html?src={}", parts.module_folder, source);
    page += fmt::format(
        "<figure style=\"flex: {:.3f} 1 {}px; aspect-ratio: {:.4f}\"><a href=\"{}\">{}</a>"
        "<figcaption>{} &middot; {}&times;{}</figcaption></figure>\n",
        shown, static_cast<int>(kRow * shown), shown, link, picture_tag(picture, parts, kRow),
        html_escaped(picture.name), picture.size().width, picture.size().height);
  }
  page += "</main>\n</html>\n";
  return page;
}

}  // namespace compass::tools::serve
