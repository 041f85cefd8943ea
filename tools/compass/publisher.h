// One run of `compass publish`: encodes what has changed, and writes pages.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/command.h"
#include "common/library.h"
#include "published_folder.h"
#include "serve/page_model.h"

namespace compass::tools {

struct PublishOptions {
  std::string folder;
  std::string output;
  double quality = 50.0;
  std::optional<int> layers;
  std::optional<int> effort;
  bool keep_metadata = false;
  std::string title;
  CommonFlags common;
};

// Counts what it made and keeps what failed, for the report.
class Publisher {
 public:
  // `models`: files, of which `model` is the first. The options must outlive the publisher.
  Publisher(const PublishOptions& options, const std::vector<std::string>& models, const compass_model* model,
            const compass_options& codec, EncoderHandle encoder);

  // A picture that cannot be published is noted as a failure; errors are those of the published folder.
  Status publish(const std::vector<PublishedFile>& files);
  Status write_pages();
  Status report() const;

 private:
  struct Made {
    std::vector<uint8_t> bytes;
    PublishedPicture picture;
  };

  std::filesystem::path out() const { return options_.output; }
  std::filesystem::path manifest() const { return out() / "manifest.json"; }
  Result<Origin> origin(const PublishedFile& file) const;
  Result<PublishedPicture> examined(const PublishedFile& file, std::span<const uint8_t> bytes, Origin origin);
  std::optional<PublishedPicture> kept(const PublishedFile& file,
                                       const std::map<std::string, ListedFile>& listed);
  std::vector<PublishedFile> keep(const std::vector<PublishedFile>& files);
  Result<std::vector<uint8_t>> encoded(const PublishedFile& file);
  Result<Made> made(const PublishedFile& file);
  Status put(Made made);
  Status write_manifest() const;
  Status write_models();
  Status write_parts();

  const PublishOptions& options_;
  compass_options codec_;
  EncoderHandle encoder_;
  serve::PageModels models_;
  std::string settings_;
  std::vector<PublishedPicture> pictures_;  // that are there as they should be, sorted by name
  std::vector<std::string> failures_;
  size_t made_ = 0;
};

}  // namespace compass::tools
