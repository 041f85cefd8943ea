// A model as pages fetch it: compressed, and in pieces. The first is a model that decodes base layers, so
// that small pictures need not wait for what only larger layers take, nor fetch it. With the second it is a
// decoder, with the third a whole model.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "serve/http.h"

namespace compass::tools::serve {

// Names of the pieces' files, in a folder of their own.
inline constexpr const char* kPageModelFolder = "model";
inline constexpr const char* kBasePiece = "base.gz";
inline constexpr const char* kUpperPiece = "upper.gz";
inline constexpr const char* kEncoderPiece = "encoder.gz";

// Pieces of a model file (stripped_model.h), compressed by gzip. `upper` and `encoder` are empty if the model
// has none.
struct PageModel {
  std::vector<uint8_t> base;
  std::vector<uint8_t> upper;
  std::vector<uint8_t> encoder;
};

// Of a model file. Errors: kModel, kIo.
Result<PageModel> page_model(const std::string& path);

// The pieces of a model file as a site answers with them: made when one is first asked for, and anew when the
// file has changed. For any number of threads.
class PageModelFiles {
 public:
  explicit PageModelFiles(std::string path) : path_(std::move(path)) {}

  struct Piece {
    std::shared_ptr<const Body> body;  // null: there is no such piece
    std::string tag;                   // another one once the model file has changed
  };
  // Errors: page_model's.
  Result<Piece> find(std::string_view name);

 private:
  std::mutex mutex_;
  std::string path_;
  std::string tag_;
  std::shared_ptr<const Body> base_;
  std::shared_ptr<const Body> upper_;
  std::shared_ptr<const Body> encoder_;
};

}  // namespace compass::tools::serve
