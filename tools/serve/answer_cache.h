// What was made for earlier requests, kept for later ones: the least recently used goes first.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "serve/http.h"

namespace compass::tools::serve {

// For any number of threads.
class AnswerCache {
 public:
  // Holds bodies of so many bytes together.
  explicit AnswerCache(uint64_t bytes) : most_(bytes) {}

  std::shared_ptr<const Body> find(const std::string& key);
  // Larger ones than all may be together are not kept.
  void keep(const std::string& key, std::shared_ptr<const Body> body);
  uint64_t bytes() const;

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const Body>>;
  mutable std::mutex mutex_;
  uint64_t most_;
  uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // most recently used first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace compass::tools::serve
