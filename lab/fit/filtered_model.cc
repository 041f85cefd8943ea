#include "fit/filtered_model.h"

#include "model_writer/changed_model.h"

namespace compass::fit {

Result<std::vector<uint8_t>> with_filters(const Safetensors& file, const FilterWeights& base,
                                          const FilterWeights& enhancement) {
  auto description = description_of(file);
  if (!description) return description.error();
  SafetensorsWriter writer = copy_of(file, [](std::string_view name) { return !name.ends_with(".filter"); });
  const auto add = [&](const std::string& name, const FilterWeights& filter, CodecDescription& codec) {
    codec.filter.reset();
    if (filter.empty()) return;
    codec.filter = filter.directions;
    writer.add_floats(name, {1 + filter.directions, 3, kFilterTaps, kFilterGates}, filter.values,
                      DType::kF16);
  };
  add("base.filter", base, description->base);
  if (description->enhancement) add("enhancement.filter", enhancement, *description->enhancement);
  return finished(std::move(writer), *description);
}

}  // namespace compass::fit
