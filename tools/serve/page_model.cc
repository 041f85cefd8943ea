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

PageModels::PageModels(const std::vector<std::string>& files) {
  for (const std::string& file : files) entries_.push_back({.path = file});
}

// What the file is now.
void PageModels::look_again(Entry& entry) {
  const auto file = open_file(entry.path);
  const std::string tag = file == nullptr ? "" : file->tag();
  if (tag == entry.tag) return;
  entry = {.path = entry.path, .tag = tag};
  if (const auto model = Model::load(entry.path)) {
    entry.decoder = to_string((*model)->decoder_id());
    entry.encodes = (*model)->parts() == ModelParts::kAll;
  }
}

void PageModels::make(Entry& entry) {
  auto pieces = page_model(entry.path);
  if (!pieces) return;  // changed since: then it is looked at again
  const auto body = [](std::vector<uint8_t> bytes) {
    return bytes.empty() ? nullptr : body_of(std::move(bytes));
  };
  entry.base = body(std::move(pieces->base));
  entry.upper = body(std::move(pieces->upper));
  entry.encoder = body(std::move(pieces->encoder));
  entry.is_made = true;
}

PageModels::Piece PageModels::find(std::string_view decoder, std::string_view name) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) {
    look_again(entry);
    if (entry.decoder.empty() || entry.decoder != decoder) continue;
    if (!entry.is_made) make(entry);
    const auto& body = name == kBasePiece      ? entry.base
                       : name == kUpperPiece   ? entry.upper
                       : name == kEncoderPiece ? entry.encoder
                                               : nullptr;
    if (body != nullptr) return {body, entry.tag};
  }
  return {};
}

std::string PageModels::encoder() {
  const std::lock_guard lock(mutex_);
  if (entries_.empty()) return "";
  look_again(entries_.front());
  return entries_.front().encodes ? entries_.front().decoder : "";
}

}  // namespace compass::tools::serve
