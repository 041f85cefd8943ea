#include "model_writer/stripped_model.h"

#include "model_writer/safetensors_writer.h"

namespace compass {

std::vector<uint8_t> stripped(const Safetensors& file, const Model& model, bool base_only) {
  const bool base = model.decoder_ids().upper && (base_only || !model.layered());
  SafetensorsWriter writer;
  for (const auto& [key, value] : file.metadata()) writer.set_metadata(key, value);
  writer.set_metadata(kPartsKey, base ? kBaseDecoderParts : kDecoderParts);
  if (base) {
    Description description = model.description();
    description.enhancement.reset();
    description.liff.reset();
    writer.set_metadata("compass", to_json(description));
    writer.set_metadata(kUpperKey, to_string(*model.decoder_ids().upper));
  }
  for (const auto& [name, view] : file.tensors()) {
    if (is_encoder_tensor(name) || is_density_tensor(name) || (base && !is_base_tensor(name))) continue;
    writer.add(name, view);
  }
  return writer.finish();
}

}  // namespace compass
