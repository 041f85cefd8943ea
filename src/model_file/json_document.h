// JSON from a file: bounded when it is parsed, freed without allocating.
#pragma once

#include <nlohmann/json.hpp>
#include <string_view>

namespace compass {

// A document of bounded depth. nlohmann::json's destructor allocates, and ends the program if that fails.
// This class takes its value apart before destroying it, which does not allocate.
class JsonDocument {
 public:
  // Discarded (value().is_discarded()) if `text` is no JSON or is nested deeper than 32. Throws
  // std::bad_alloc.
  explicit JsonDocument(std::string_view text);
  ~JsonDocument();
  JsonDocument(const JsonDocument&) = delete;
  JsonDocument& operator=(const JsonDocument&) = delete;

  nlohmann::json& value() { return value_; }
  // Removes a member of the top object, if it is there.
  void erase(const char* key);

 private:
  nlohmann::json value_;
};

}  // namespace compass
