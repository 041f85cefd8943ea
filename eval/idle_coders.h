// Coders that nobody uses, kept for the next encoding with the same model: making one costs more than a small
// picture.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace compass::eval {

// Any number of threads may use it.
template <typename Model, typename Coder>
class IdleCoders {
 public:
  // An idle coder of the model, or a new one: make() gives it as a unique pointer.
  template <typename Make>
  std::unique_ptr<Coder> take(const Model* model, const Make& make) {
    {
      const std::lock_guard lock(mutex_);
      auto& idle = idle_[model];
      if (!idle.empty()) {
        std::unique_ptr<Coder> coder = std::move(idle.back());
        idle.pop_back();
        return coder;
      }
    }
    return make();
  }

  void give_back(const Model* model, std::unique_ptr<Coder> coder) {
    const std::lock_guard lock(mutex_);
    idle_[model].push_back(std::move(coder));
  }

 private:
  std::mutex mutex_;
  std::map<const Model*, std::vector<std::unique_ptr<Coder>>> idle_;
};

}  // namespace compass::eval
