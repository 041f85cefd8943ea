// Pages that show .cmps files, as text.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "core/size.h"

namespace compass::tools::serve {

// The folder of a site that has what pages load.
inline constexpr const char* kPageParts = ".compass";

// A picture on a page.
struct Shown {
  std::string name;     // of the file, seen from the page's folder
  std::string decoder;  // the id of what decodes it, as text
  std::vector<LayerEntry> layers;

  Size size() const { return layers.back().size; }
};

// Where a page finds what shows .cmps files.
struct PageParts {
  std::string module_folder;  // address of the folder with compass-img.mjs; empty: there is none
  std::string viewer_prefix;  // of a picture's address, seen from there
  bool has_server = true;     // whether a server makes JPEG of a .cmps file where pages cannot show one
};

// What brings <compass-img> to a page: its script, and what that will ask for, so that all is asked for at
// once. Empty if there is no module.
std::string script_tags(const PageParts& parts);

// The <compass-img> (or <img>) of a picture; `row`: its height on the page in pixels.
std::string picture_tag(const Shown& picture, const PageParts& parts, int row);

// A page with all of these pictures, and links to the folders beneath.
std::string gallery_page(const std::string& title, std::span<const Shown> pictures,
                         std::span<const std::string> folders, const PageParts& parts, bool is_root);

}  // namespace compass::tools::serve
