#include "model_writer/stripped_model.h"

#include "model_writer/safetensors_writer.h"

namespace compass {
namespace {

SafetensorsWriter with_metadata(const Safetensors& file) {
  SafetensorsWriter writer;
  for (const auto& [key, value] : file.metadata()) writer.set_metadata(key, value);
  return writer;
}

bool decodes(std::string_view name) {
  return !is_encoder_tensor(name) && !is_density_tensor(name);
}

}  // namespace

std::vector<uint8_t> stripped(const Safetensors& file, const Model& model, bool base_only) {
  const bool base = model.decoder_ids().upper && (base_only || !model.layered());
  SafetensorsWriter writer = with_metadata(file);
  writer.set_metadata(kPartsKey, base ? kBaseDecoderParts : kDecoderParts);
  if (base) {
    Description description = model.description();
    description.enhancement.reset();
    description.liff.reset();
    writer.set_metadata("compass", to_json(description));
    writer.set_metadata(kUpperKey, to_string(*model.decoder_ids().upper));
  }
  for (const auto& [name, view] : file.tensors()) {
    if (decodes(name) && (!base || is_base_tensor(name))) writer.add(name, view);
  }
  return writer.finish();
}

std::vector<uint8_t> stripped_upper(const Safetensors& file, const Model& model) {
  if (!model.layered()) return {};
  SafetensorsWriter writer = with_metadata(file);
  writer.set_metadata(kPartsKey, kDecoderParts);
  for (const auto& [name, view] : file.tensors()) {
    if (decodes(name) && !is_base_tensor(name)) writer.add(name, view);
  }
  return writer.finish();
}

std::vector<uint8_t> stripped_encoder(const Safetensors& file, const Model& model) {
  if (model.parts() != ModelParts::kAll) return {};
  SafetensorsWriter writer = with_metadata(file);
  for (const auto& [name, view] : file.tensors()) {
    if (!decodes(name)) writer.add(name, view);
  }
  return writer.finish();
}

}  // namespace compass
