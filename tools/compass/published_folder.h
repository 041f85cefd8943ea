// What `publish` makes of a folder of pictures: which file becomes which, and the pages beside them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "core/result.h"

namespace compass::tools {

// A picture, or a .cmps file that is there already, and the file that is made of it.
struct PublishedFile {
  std::filesystem::path source;
  std::string name;      // of the .cmps file, seen from the published folder, with slashes
  bool is_cmps = false;  // copied as it is
};

// The pictures of `folder` and of those beneath, sorted by name; hidden ones, and files that are no pictures,
// are left out. Errors: kIo, kUsage (two would get the same name, or `out` is `folder` or lies within).
Result<std::vector<PublishedFile>> files_to_publish(const std::filesystem::path& folder,
                                                    const std::filesystem::path& out);

// The scales of the layers of a picture for pages: halves, down to one for thumbnails.
std::vector<double> page_scales(Size full);

// A file of the published folder, as the manifest lists it.
struct PublishedPicture {
  std::string name;
  uint64_t bytes = 0;
  ContainerHeader header;
};

// manifest.json: every picture, its layers' sizes and how many bytes of the file each needs.
std::string manifest_of(const std::vector<PublishedPicture>& pictures, const std::string& settings);
// The settings that a manifest says its pictures were made with; empty if it cannot be read.
std::string settings_of_manifest(const std::filesystem::path& manifest);
// snippet.html: what a page needs to show them.
std::string snippet_of(const std::vector<PublishedPicture>& pictures);
// index.html.
std::string index_of(const std::string& title, const std::vector<PublishedPicture>& pictures);

}  // namespace compass::tools
