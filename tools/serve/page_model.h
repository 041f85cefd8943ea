// Models as pages fetch them: each in a folder named by its decoder's id, compressed, and in pieces. The
// first is a model that decodes base layers, so that small pictures need not wait for what only larger layers
// take, nor fetch it. With the second it is a decoder, with the third a whole model.
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

// Names of the pieces' files, in a folder for each model, and of what says which model encodes, beside those.
inline constexpr const char* kPageModelFolder = "model";
inline constexpr const char* kBasePiece = "base.gz";
inline constexpr const char* kUpperPiece = "upper.gz";
inline constexpr const char* kEncoderPiece = "encoder.gz";
inline constexpr const char* kEncoderFile = "encoder.json";

// Pieces of a model file (stripped_model.h), compressed by gzip. `upper` and `encoder` are empty if the model
// has none.
struct PageModel {
  std::vector<uint8_t> base;
  std::vector<uint8_t> upper;
  std::vector<uint8_t> encoder;
};

// Of a model file. Errors: kModel, kIo.
Result<PageModel> page_model(const std::string& path);

// The models that a site has for its pages: a model's pieces are made when one is first asked for, and anew
// when its file has changed. For any number of threads.
class PageModels {
 public:
  // The first is the one that pages encode with. Files that cannot be read are no models.
  explicit PageModels(const std::vector<std::string>& files);

  struct Piece {
    std::shared_ptr<const Body> body;  // null: there is no such model, or it has no such piece
    std::string tag;                   // another one once the model file has changed
  };
  // `decoder`: the id as text.
  Piece find(std::string_view decoder, std::string_view name);
  // The decoder's id of what pages encode with, as text; empty if that cannot be read, or only decodes.
  std::string encoder();

 private:
  struct Entry {
    std::string path;
    std::string tag;      // of the file that the rest is of
    std::string decoder;  // its id; empty: it cannot be read
    bool encodes = false;
    bool is_made = false;  // whether the pieces are
    std::shared_ptr<const Body> base, upper, encoder;
  };
  static void look_again(Entry& entry);
  static void make(Entry& entry);

  std::mutex mutex_;
  std::vector<Entry> entries_;
};

}  // namespace compass::tools::serve
