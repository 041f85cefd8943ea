#include "iptc.h"

#include <algorithm>
#include <string_view>

namespace compass::tools::images {
namespace {

constexpr std::string_view kPhotoshop{"Photoshop 3.0\0", 14};
constexpr std::string_view kResource = "8BIM";
constexpr uint32_t kIptc = 0x0404;
constexpr uint8_t kRecordMark = 0x1C;  // every record begins with it

bool starts_with(std::span<const uint8_t> bytes, std::string_view text) {
  return bytes.size() >= text.size() && std::equal(text.begin(), text.end(), bytes.begin());
}

uint32_t number(std::span<const uint8_t> bytes, size_t count) {
  uint32_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

std::vector<uint8_t> iptc_records(std::span<const uint8_t> data) {
  if (!data.empty() && data[0] == kRecordMark) return {data.begin(), data.end()};
  if (starts_with(data, kPhotoshop)) data = data.subspan(kPhotoshop.size());
  // A resource: "8BIM", number (2), name (its length in a byte; padded to even), length (4), content
  // (padded).
  constexpr size_t kSmallest = 12;
  while (data.size() >= kSmallest && starts_with(data, kResource)) {
    const uint32_t kind = number(data.subspan(4), 2);
    const size_t name = (size_t{data[6]} + 2) / 2 * 2;
    if (data.size() < 6 + name + 4) break;
    const size_t length = number(data.subspan(6 + name), 4);
    const std::span<const uint8_t> content = data.subspan(6 + name + 4);
    if (length > content.size()) break;
    if (kind == kIptc) return {content.begin(), content.begin() + static_cast<ptrdiff_t>(length)};
    data = content.subspan(std::min(content.size(), length + length % 2));
  }
  return {};
}

std::vector<uint8_t> photoshop_resources(std::span<const uint8_t> records) {
  std::vector<uint8_t> resources(kResource.begin(), kResource.end());
  const auto length = static_cast<uint32_t>(records.size());
  for (const uint32_t byte :
       {kIptc >> 8, kIptc & 255, 0U, 0U, length >> 24, length >> 16 & 255, length >> 8 & 255, length & 255}) {
    resources.push_back(static_cast<uint8_t>(byte));
  }
  resources.insert(resources.end(), records.begin(), records.end());
  if (records.size() % 2 == 1) resources.push_back(0);
  return resources;
}

std::vector<uint8_t> photoshop_segment(std::span<const uint8_t> records) {
  std::vector<uint8_t> segment(kPhotoshop.begin(), kPhotoshop.end());
  const std::vector<uint8_t> resources = photoshop_resources(records);
  segment.insert(segment.end(), resources.begin(), resources.end());
  return segment;
}

}  // namespace compass::tools::images
