#include "model_writer/changed_model.h"

#include "model_file/model_ids.h"

namespace compass {

Result<Description> description_of(const Safetensors& file) {
  const std::string_view text = file.metadata(kDescriptionKey);
  if (text.empty())
    return Error{ErrorCode::kModel, "not a COMPASS model (its metadata holds no description)"};
  return parse_description(text);
}

SafetensorsWriter copy_of(const Safetensors& file, const std::function<bool(std::string_view)>& stays) {
  SafetensorsWriter writer;
  for (const auto& [key, value] : file.metadata()) writer.set_metadata(key, value);
  for (const auto& [name, view] : file.tensors()) {
    if (!stays || stays(name)) writer.add(name, view);
  }
  return writer;
}

std::vector<uint8_t> finished(SafetensorsWriter writer, const Description& description) {
  writer.set_metadata(kDescriptionKey, to_json(description));
  return writer.finish();
}

}  // namespace compass
