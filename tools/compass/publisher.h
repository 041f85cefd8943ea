// One run of `compass publish`: encodes what has changed, and writes pages.
#pragma once

#include <filesystem>
#include <optional>
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

  Status publish(const std::vector<PublishedFile>& files);
  Status write_pages();
  Status report() const;

 private:
  std::filesystem::path out() const { return options_.output; }
  bool is_done(const PublishedFile& file) const;
  Status write_models();
  Status write_parts();
  Result<std::vector<uint8_t>> encoded(const PublishedFile& file);
  Status publish(const PublishedFile& file);

  const PublishOptions& options_;
  compass_options codec_;
  EncoderHandle encoder_;
  serve::PageModels models_;
  std::string settings_;
  bool is_as_before_ = false;
  std::vector<PublishedPicture> pictures_;
  std::vector<std::string> failures_;
  size_t made_ = 0;
};

}  // namespace compass::tools
