#include "model_writer/trellis_model.h"

#include "model_writer/safetensors_writer.h"

namespace compass {

Result<std::vector<uint8_t>> with_trellis(const Safetensors& file, const TrellisDescription& trellis,
                                          const LevelCounts& base, const LevelCounts& enhancement) {
  const auto text = file.metadata().find("compass");
  if (text == file.metadata().end()) return Error{ErrorCode::kModel, "not a COMPASS model"};
  auto description = parse_description(text->second);
  if (!description) return description.error();

  SafetensorsWriter writer;
  for (const auto& [key, value] : file.metadata()) writer.set_metadata(key, value);
  for (const auto& [name, view] : file.tensors()) writer.add(name, view);
  const auto add = [&](const std::string& name, const CdfTables& tables, CodecDescription& codec) {
    codec.trellis = trellis;
    const auto cdf = tables.ragged_cdf();
    std::vector<int32_t> stored;
    for (const uint32_t value : cdf) stored.push_back(value == kCdfTotal ? 0 : static_cast<int32_t>(value));
    writer.add_integers(name + ".cdf", {static_cast<int64_t>(stored.size())}, stored, DType::kU16);
    writer.add_integers(name + ".length", {tables.rows()}, tables.lengths());
    writer.add_integers(name + ".offset", {tables.rows()}, tables.offsets());
  };
  add("base.y", base.tables(), description->base);
  if (description->enhancement) add("enhancement.y", enhancement.tables(), *description->enhancement);
  writer.set_metadata("compass", to_json(*description));
  return writer.finish();
}

}  // namespace compass
