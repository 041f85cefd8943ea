// The part of TensorBoard's event log that scalars need.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace compass::train {

struct Scalar {
  std::string tag;
  double value = 0.0;
};

// A file of TFRecords, each an `Event` message of tensorflow/core/util/event.proto.
class EventFile {
 public:
  explicit EventFile(const std::string& folder);  // a new events.out.tfevents.TIME.compass-train in it
  void write(int64_t step, const std::vector<Scalar>& scalars);

 private:
  void record(std::string_view message);
  std::ofstream file_;
};

// CRC-32C (Castagnoli polynomial, reflected 0x82F63B78), with which TFRecords are protected.
uint32_t crc32c(std::string_view bytes);

}  // namespace compass::train
