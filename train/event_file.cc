#include "event_file.h"

#include <array>
#include <bit>
#include <chrono>

namespace compass::train {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string little_endian(uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

// Protocol buffers: (field number << 3 | wire type), then the value. Wire types: 0 varint, 1 eight bytes,
// 2 length and bytes, 5 four bytes.
std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string field(int number, std::string_view bytes) {
  return varint(static_cast<uint64_t>(number) << 3 | 2) + varint(bytes.size()) + std::string(bytes);
}
std::string field(int number, double value) {
  return varint(static_cast<uint64_t>(number) << 3 | 1) + little_endian(std::bit_cast<uint64_t>(value), 8);
}
std::string field(int number, float value) {
  return varint(static_cast<uint64_t>(number) << 3 | 5) + little_endian(std::bit_cast<uint32_t>(value), 4);
}
std::string field(int number, int64_t value) {
  return varint(static_cast<uint64_t>(number) << 3) + varint(static_cast<uint64_t>(value));
}

// TFRecords store checksums rotated and offset, so that a record may hold records.
uint32_t masked(uint32_t crc) {
  return std::rotr(crc, 15) + 0xA282EAD8U;
}

}  // namespace

uint32_t crc32c(std::string_view bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1U) != 0 ? 0x82F63B78U : 0U);
      t[i] = c;
    }
    return t;
  }();
  uint32_t crc = ~0U;
  for (const char byte : bytes) crc = table[(crc ^ static_cast<uint8_t>(byte)) & 0xFFU] ^ (crc >> 8);
  return ~crc;
}

EventFile::EventFile(const std::string& folder)
    : file_(folder + "/events.out.tfevents." + std::to_string(static_cast<int64_t>(now())) + ".compass-train",
            std::ios::binary | std::ios::app) {
  record(field(1, now()) + field(3, std::string_view("brain.Event:2")));
}

void EventFile::write(int64_t step, const std::vector<Scalar>& scalars) {
  std::string summary;
  for (const auto& s : scalars) {
    summary += field(1, field(1, std::string_view(s.tag)) + field(2, static_cast<float>(s.value)));
  }
  record(field(1, now()) + field(2, step) + field(5, summary));
}

void EventFile::record(std::string_view message) {
  const std::string length = little_endian(message.size(), 8);
  file_ << length << little_endian(masked(crc32c(length)), 4) << message
        << little_endian(masked(crc32c(message)), 4) << std::flush;
}

}  // namespace compass::train
