// Recent plans, by the sizes and rectangles they are for: a picture's tiles are run several times, and often
// several pictures of one size follow each other.
#pragma once

#include <map>
#include <memory>
#include <utility>

namespace compass::nn {

template <typename Key, typename Plan>
class PlanCache {
 public:
  // The plan for `key`; `make()` makes it if it is not there.
  template <typename Make>
  std::shared_ptr<const Plan> get(const Key& key, const Make& make) {
    if (const auto it = plans_.find(key); it != plans_.end()) return it->second;
    auto plan = std::make_shared<const Plan>(make());
    if (plans_.size() >= kMaxPlans) plans_.clear();
    plans_.emplace(key, plan);
    return plan;
  }

 private:
  static constexpr size_t kMaxPlans = 64;  // of a few kilobytes each
  std::map<Key, std::shared_ptr<const Plan>> plans_;
};

}  // namespace compass::nn
