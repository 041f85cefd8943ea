// A folder as a web site: its files as they are, .cmps files also as the pictures they hold, pages that show
// them, and the IIIF Image API.
//
//   /photos/a.cmps                      the file; clients that want bytes get bytes, browsers' <img> a
//                                       picture
//   /photos/a.cmps?layer=0              a smaller file with this layer on top
//   /photos/a.cmps?format=webp&width=640   a picture: webp, jpeg or png, of a layer, a width, or both sides
//   /photos/                            the folder's index.html, or a page with its pictures
//   /iiif/3/photos%2Fa.cmps/info.json   the IIIF Image API 3.0
//   /.compass/...                       what pages need to show .cmps files: module, worker, models
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "serve/compressor.h"
#include "serve/folder.h"
#include "serve/http.h"
#include "serve/page_model.h"
#include "serve/renderer.h"
#include "serve/url.h"

namespace compass::tools::serve {

struct SiteOptions {
  std::string folder;
  std::string only;                 // the one file that is served, if not empty
  std::string web_folder;           // where the module for pages is; empty: pages show JPEG and WebP instead
  std::vector<std::string> models;  // files of those that pages decode with; the first also encodes
  std::string base_url;  // as clients see the site: "https://example.org/pictures"; empty: by their Host
  RendererOptions rendering;
};

class Site {
 public:
  // Errors: kIo (the folder).
  static Result<std::unique_ptr<Site>> open(SiteOptions options);

  // Whether the one file that is served is a .cmps file. Errors: kIo, kBadFile.
  Status check_only() const;

  // For any number of threads, and any bytes in the request.
  Answer answer(const Request& request);

 private:
  Site(SiteOptions options, Folder folder);

  Answer answer_url(const Request& request, const Url& url);
  Answer file(const Request& request, const Url& url);
  Answer folder_page(const Url& url);
  Answer page_part(const Request& request, const Url& url);
  Answer page_model(const Request& request, std::span<const std::string> path);
  Answer picture(const Request& request, const Url& url, const std::shared_ptr<const OpenFile>& file);
  Answer first_layers(const Request& request, const std::string& layer, const OpenFile& file);
  Answer iiif(const Request& request, const Url& url);
  Answer rendered(const Request& request, const OpenFile& file, const std::string& name,
                  const ContainerHeader& header, const Rendering& rendering);
  std::string base(const Request& request) const;

  SiteOptions options_;
  Folder folder_;
  std::optional<Folder> web_;
  Renderer renderer_;
  PageModels models_;
  Compressor compressor_;
};

}  // namespace compass::tools::serve
