#include "serve/page_model.h"

#include "model_file/model.h"
#include "model_writer/stripped_model.h"
#include "serve/folder.h"
#include "serve/gzip.h"

namespace compass::tools::serve {

Result<PageModel> page_model(const std::string& path) {
  const auto model = Model::load(path);
  if (!model) return model.error();
  const auto file = Safetensors::load(path);
  if (!file) return file.error();
  const auto piece = [](const std::vector<uint8_t>& bytes) { return bytes.empty() ? bytes : gzipped(bytes); };
  return PageModel{.base = piece(stripped(*file, **model, true)),
                   .upper = piece(stripped_upper(*file, **model)),
                   .encoder = piece(stripped_encoder(*file, **model))};
}

Result<PageModelFiles::Piece> PageModelFiles::find(std::string_view name) {
  const auto file = open_file(path_);
  if (file == nullptr) return Error{ErrorCode::kIo, path_ + ": cannot be read"};
  const std::lock_guard lock(mutex_);
  if (tag_ != file->tag()) {
    auto pieces = page_model(path_);
    if (!pieces) return pieces.error();
    const auto body = [](std::vector<uint8_t> bytes) {
      return bytes.empty() ? nullptr : body_of(std::move(bytes));
    };
    base_ = body(std::move(pieces->base));
    upper_ = body(std::move(pieces->upper));
    encoder_ = body(std::move(pieces->encoder));
    tag_ = file->tag();
  }
  if (name == kBasePiece) return Piece{base_, tag_};
  if (name == kUpperPiece) return Piece{upper_, tag_};
  return Piece{name == kEncoderPiece ? encoder_ : nullptr, tag_};
}

}  // namespace compass::tools::serve
