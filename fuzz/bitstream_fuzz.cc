// The header parser on any bytes. Every other input gets a valid checksum appended, so that the fuzzer sees
// past it.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "bitstream/container.h"

namespace {

using namespace compass;

void require(bool holds) {
  if (!holds) std::abort();
}

// An index, whether its checksum is right or not, lists just the alpha's bytes, or is refused.
void check_alpha(const ContainerHeader& header, int k, std::span<const uint8_t> bytes) {
  const LayerEntry& layer = header.layers[k];
  const bool good = verify_alpha(header, k, bytes).ok();
  if (layer.alpha.index_bytes == 0) return;
  const auto blocks = parse_alpha_index(layer.size, layer.alpha, bytes.first(layer.alpha.index_bytes));
  require(blocks.ok() || !good);
  if (!blocks.ok()) return;
  require(blocks->size() == static_cast<size_t>(alpha_grid(layer.size).pixels()));
  uint64_t at = layer.alpha.index_bytes;
  for (const AlphaBlock& block : *blocks) {
    require(block.offset == at && block.bytes > 0);
    at += block.bytes;
  }
  require(at == layer.alpha.bytes);
}

void check(std::span<const uint8_t> bytes) {
  const auto parsed = parse_header(bytes);
  if (!parsed.ok()) {
    require(parsed.error().code == ErrorCode::kBadFile && !parsed.error().message.empty());
    return;
  }
  if (!parsed->header) {
    require(parsed->need > bytes.size() && parsed->need <= kMaxHeaderBytes);
    return;
  }
  const ContainerHeader& header = *parsed->header;
  require(header.bytes <= bytes.size() && header.bytes <= kMaxHeaderBytes);
  // Nothing but the header matters, and all of it does.
  require(parse_header(bytes.first(header.bytes))->header == header);
  require(!parse_header(bytes.first(header.bytes - 1))->header);
  // What can be read can be written, and reads the same but for what later versions add.
  const auto written = serialise_header(header);
  require(written.ok());
  ContainerHeader again = *parse_header(*written)->header;
  require(again.layers.size() == header.layers.size() && again.metadata.size() == header.metadata.size());
  require(again.kinds == header.kinds);
  for (size_t k = 0; k < again.layers.size(); ++k) {
    again.layers[k].offset = header.layers[k].offset;
    require(again.layers[k] == header.layers[k]);
  }
  const int whole = whole_layers(header, bytes.size());
  require(whole >= 0 && whole <= static_cast<int>(header.layers.size()));
  for (int k = 0; k < whole; ++k) {
    const LayerEntry& layer = header.layers[k];
    (void)verify_layer(header, k, bytes.subspan(layer.offset, layer.bytes)).ok();
    if (header.kinds.alpha) check_alpha(header, k, bytes.subspan(layer.alpha_offset(), layer.alpha.bytes));
  }
  for (const int layers : {1, whole, 255}) (void)extract_layers(bytes, layers).ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const bool seal = data[0] % 2 == 0;
  const std::span<const uint8_t> input(data + 1, size - 1);
  if (!seal) {
    check(input);
    return 0;
  }
  std::vector<uint8_t> sealed(input.begin(), input.end());
  const uint32_t sum = checksum(input);
  for (int i = 0; i < 4; ++i) sealed.push_back(static_cast<uint8_t>(sum >> (8 * i)));
  check(sealed);
  return 0;
}
