// JSON from a file, taken in and given up again without surprises.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace compass {

// A document of bounded depth. nlohmann::json's destructor allocates for what it holds, and ends the program
// where there is no memory: this one takes its value apart first, which needs none.
class JsonDocument {
 public:
  // Discarded (value().is_discarded()) if `text` is no JSON or is nested deeper than 32. Throws
  // std::bad_alloc.
  explicit JsonDocument(std::string_view text);
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  nlohmann::json& value() { return value_; }
  // Of an object, a member that may not be there.
  void erase(const char* key);

 private:
  nlohmann::json value_;
};

}  // namespace compass
