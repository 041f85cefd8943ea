#include "model_file/json_document.h"

#include <string>
#include <utility>
#include <vector>

namespace compass {
namespace {

using nlohmann::json;

constexpr size_t kMaxDepth = 32;

// Builds a document from the parser's events. Of equal keys the last one counts.
class Builder : public nlohmann::json_sax<json> {
 public:
  explicit Builder(json& root) : root_(root) {}

  bool null() override { return add(nullptr); }
  bool boolean(bool value) override { return add(value); }
  bool number_integer(number_integer_t value) override { return add(value); }
  bool number_unsigned(number_unsigned_t value) override { return add(value); }
  bool number_float(number_float_t value, const string_t& /*text*/) override { return add(value); }
  bool string(string_t& value) override { return add(std::move(value)); }
  bool binary(binary_t& /*value*/) override { return false; }
  bool start_object(size_t /*elements*/) override { return open(json::value_t::object); }
  bool key(string_t& name) override {
    key_ = std::move(name);
    return true;
  }
  bool end_object() override { return close(); }
  bool start_array(size_t /*elements*/) override { return open(json::value_t::array); }
  bool end_array() override { return close(); }
  bool parse_error(size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::json::exception& /*error*/) override {
    return false;
  }

 private:
  // Where the next value goes; null where that is too deep.
  json* place() {
    if (open_.size() > kMaxDepth) return nullptr;
    if (open_.empty()) return &root_;
    if (open_.back()->is_object()) return &(*open_.back())[key_];
    return &open_.back()->emplace_back();
  }
  template <typename Value>
  bool add(Value&& value) {
    json* const target = place();
    if (target != nullptr) *target = std::forward<Value>(value);
    return target != nullptr;
  }
  bool open(json::value_t type) {
    json* const target = place();
    if (target == nullptr) return false;
    *target = type;
    open_.push_back(target);
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  json& root_;
  std::vector<json*> open_;  // the containers around the next value, outermost first
  std::string key_;
};

// Empties `value` from the leaves up.
void take_apart(json& value) noexcept {
  if (!value.is_structured()) return;
  for (json& child : value) take_apart(child);
  value.clear();
}

}  // namespace

JsonDocument::JsonDocument(std::string_view text) {
  try {
    Builder builder(value_);
    if (json::sax_parse(text.begin(), text.end(), &builder)) return;
    take_apart(value_);
    value_ = json(json::value_t::discarded);
  } catch (...) {
    take_apart(value_);
    throw;
  }
}

void JsonDocument::erase(const char* key) {
  const auto it = value_.find(key);
  if (it == value_.end()) return;
  take_apart(*it);
  value_.erase(it);
}

JsonDocument::~JsonDocument() {
  take_apart(value_);
}

}  // namespace compass
