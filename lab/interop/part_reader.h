// Reads one network's tensors out of a checkpoint by key.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "interop/checkpoint_parts.h"

namespace compass {

// Remembers which keys were asked for, so that what is left over can be told. Messages name dictionary and
// key.
class PartReader {
 public:
  // `part` must outlive the reader.
  explicit PartReader(const CheckpointPart& part) : part_(part) {}

  // kBadFile: "'base_state_dict': 'g_a.0.weight' is missing".
  Error bad(std::string_view key, std::string_view what) const;

  // Null if absent or empty, as buffers are before CompressAI's update().
  const CheckpointTensor* find(const std::string& key);

  Result<std::vector<float>> floats(const std::string& key);
  Result<std::vector<int32_t>> integers(const std::string& key);

  // Of a tensor that find() found.
  const std::vector<int64_t>& shape(const std::string& key) const {
    return part_.tensors.find(key)->second.shape;
  }

  const StateDict& tensors() const { return part_.tensors; }

  // Keys that nothing asked for, constants not counted.
  std::vector<std::string> left_over() const;

 private:
  const CheckpointPart& part_;
  std::set<std::string, std::less<>> used_;
};

}  // namespace compass
