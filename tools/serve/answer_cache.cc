#include "serve/answer_cache.h"

namespace compass::tools::serve {

std::shared_ptr<const Body> AnswerCache::find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->second;
}

void AnswerCache::keep(const std::string& key, std::shared_ptr<const Body> body) {
  const uint64_t size = body->size() + key.size();
  const std::lock_guard lock(mutex_);
  if (size > most_ || by_key_.contains(key)) return;
  entries_.emplace_front(key, std::move(body));
  by_key_[key] = entries_.begin();
  bytes_ += size;
  while (bytes_ > most_) {
    const Entry& oldest = entries_.back();
    bytes_ -= oldest.second->size() + oldest.first.size();
    by_key_.erase(oldest.first);
    entries_.pop_back();
  }
}

uint64_t AnswerCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace compass::tools::serve
