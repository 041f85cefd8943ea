#include "model_writer/stripped_model.h"

#include "model_writer/changed_model.h"

namespace compass {
namespace {

bool decodes(std::string_view name) {
  return !is_encoder_tensor(name) && !is_density_tensor(name);
}

}  // namespace

std::vector<uint8_t> stripped(const Safetensors& file, const Model& model, bool base_only) {
  const bool base = model.decoder_ids().upper && (base_only || !model.layered());
  SafetensorsWriter writer =
      copy_of(file, [&](std::string_view name) { return decodes(name) && (!base || is_base_tensor(name)); });
  writer.set_metadata(kPartsKey, base ? kBaseDecoderParts : kDecoderParts);
  if (!base) return writer.finish();
  Description description = model.description();
  description.enhancement.reset();
  description.liff.reset();
  writer.set_metadata(kUpperKey, to_string(*model.decoder_ids().upper));
  return finished(std::move(writer), description);
}

std::vector<uint8_t> stripped_upper(const Safetensors& file, const Model& model) {
  if (!model.layered()) return {};
  SafetensorsWriter writer =
      copy_of(file, [](std::string_view name) { return decodes(name) && !is_base_tensor(name); });
  writer.set_metadata(kPartsKey, kDecoderParts);
  return writer.finish();
}

std::vector<uint8_t> stripped_encoder(const Safetensors& file, const Model& model) {
  if (model.parts() != ModelParts::kAll) return {};
  return copy_of(file, [](std::string_view name) { return !decodes(name); }).finish();
}

}  // namespace compass
