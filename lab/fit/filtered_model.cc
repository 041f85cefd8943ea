#include "fit/filtered_model.h"

#include "model_file/description.h"
#include "model_writer/safetensors_writer.h"

namespace compass::fit {

Result<std::vector<uint8_t>> with_filters(const Safetensors& file, const FilterWeights& base,
                                          const FilterWeights& enhancement) {
  const auto text = file.metadata().find("compass");
  if (text == file.metadata().end()) return Error{ErrorCode::kModel, "not a COMPASS model"};
  auto description = parse_description(text->second);
  if (!description) return description.error();

  SafetensorsWriter writer;
  for (const auto& [key, value] : file.metadata()) writer.set_metadata(key, value);
  for (const auto& [name, view] : file.tensors()) {
    if (!name.ends_with(".filter")) writer.add(name, view);
  }
  const auto add = [&](const std::string& name, const FilterWeights& filter, CodecDescription& codec) {
    codec.filter.reset();
    if (filter.empty()) return;
    codec.filter = filter.directions;
    writer.add_floats(name, {1 + filter.directions, 3, kFilterTaps, kFilterGates}, filter.values,
                      DType::kF16);
  };
  add("base.filter", base, description->base);
  if (description->enhancement) add("enhancement.filter", enhancement, *description->enhancement);
  writer.set_metadata("compass", to_json(*description));
  return writer.finish();
}

}  // namespace compass::fit
