#include "model_writer/trellis_model.h"

#include "model_writer/changed_model.h"

namespace compass {

Result<std::vector<uint8_t>> with_trellis(const Safetensors& file, const TrellisDescription& trellis,
                                          const LevelCounts& base, const LevelCounts& enhancement) {
  auto description = description_of(file);
  if (!description) return description.error();
  SafetensorsWriter writer = copy_of(file);
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
  return finished(std::move(writer), *description);
}

}  // namespace compass
