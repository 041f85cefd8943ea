// The header parser on any bytes. Every other input gets a valid checksum appended, so that the fuzzer sees
// past it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "bitstream/container.h"

namespace {

using namespace compass;

constexpr int64_t kMostPixels = int64_t{1} << 26;  // of a layer whose quality map is read

void require(bool holds) {
  if (!holds) std::abort();
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
  for (size_t k = 0; k < again.layers.size(); ++k) {
    again.layers[k].offset = header.layers[k].offset;
    require(again.layers[k] == header.layers[k]);
  }
  const int whole = whole_layers(header, bytes.size());
  require(whole >= 0 && whole <= static_cast<int>(header.layers.size()));
  for (int k = 0; k < whole; ++k) {
    const LayerEntry& layer = header.layers[k];
    (void)verify_layer(header, k, bytes.subspan(layer.offset, layer.bytes)).ok();
    const auto map = bytes.subspan(layer.begin(), layer.map_bytes);
    (void)read_quality_map(header, k, map).ok();
    if (layer.size.pixels() > kMostPixels) continue;
    if (const auto parsed = parse_quality_map(map, layer.size)) {  // without the checksum, which stops most
      const auto again = serialise_quality_map(*parsed, layer.size);
      require(again.ok() && std::equal(again->begin(), again->end(), map.begin(), map.end()));
    }
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
