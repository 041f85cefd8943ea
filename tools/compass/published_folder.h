// What `publish` makes of a folder of pictures: which file becomes which, and the pages beside them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "bitstream/container.h"
#include "core/result.h"

namespace compass::tools {

// A picture, or a .cmps file that is there already, and the file that is made of it.
struct PublishedFile {
  std::filesystem::path source;
  std::string source_name;  // of the source, seen from the folder of pictures, with slashes
  std::string name;         // of the .cmps file, seen from the published folder, with slashes
  bool is_cmps = false;     // copied as it is
};

// The pictures of `folder` and of those beneath, sorted by name; hidden ones, and files that are no pictures,
// are left out. Errors: kIo, kUsage (two would get the same name, or `out` is `folder` or lies within).
Result<std::vector<PublishedFile>> files_to_publish(const std::filesystem::path& folder,
                                                    const std::filesystem::path& out);

// The scales of the layers of a picture for pages: halves, down to one for thumbnails.
std::vector<double> page_scales(Size full);

// What a file of the published folder was made of, and how: while that is equal, the file need not be made
// again.
struct Origin {
  std::string source;    // its name, encoded as in URLs: a manifest cannot hold names that are not UTF-8
  std::string state;     // a hash of the source's size and of when it was changed, which is nobody's business
  std::string settings;  // all that decides about the file's bytes beside the source

  bool operator==(const Origin&) const = default;
};

// The origin of a file that is made now. Error: kIo.
Result<Origin> origin_of(const PublishedFile& file, const std::string& settings);

// A file of the published folder, as the manifest lists it.
struct PublishedPicture {
  std::string name;
  uint64_t bytes = 0;
  ContainerHeader header;
  Origin origin;
};

// manifest.json: every picture, its layers' sizes, how many bytes of the file each needs, and its origin.
std::string manifest_of(const std::vector<PublishedPicture>& pictures);

// A file that a manifest lists.
struct ListedFile {
  uint64_t bytes = 0;
  Origin origin;
};

// By the names of their sources, as in Origin. Files that are listed without an origin (older versions wrote
// none) are left out; a manifest that cannot be read lists nothing.
std::map<std::string, ListedFile> files_of_manifest(const std::filesystem::path& manifest);

// snippet.html: what a page needs to show them.
std::string snippet_of(const std::vector<PublishedPicture>& pictures);
// index.html.
std::string index_of(const std::string& title, const std::vector<PublishedPicture>& pictures);

}  // namespace compass::tools
