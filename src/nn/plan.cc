#include "nn/plan.h"

#include <algorithm>

namespace compass::nn {

size_t peak_bytes(std::span<const PlannedMap> maps) {
  size_t peak = 0;
  for (const PlannedMap& start : maps) {  // memory only grows where a map is made
    size_t held = 0;
    for (const PlannedMap& map : maps) {
      if (map.first <= start.first && start.first <= map.last) held += map.bytes();
    }
    peak = std::max(peak, held);
  }
  return peak;
}

}  // namespace compass::nn
