// Fields of a model description's JSON.
#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/printable.h"

namespace compass {

// Takes fields out of a JSON document and remembers the first thing wrong, so that parsing code reads
// straight through; values after an error are defaults.
class FieldReader {
 public:
  bool ok() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  void fail(const std::string& place, const std::string& what) {
    if (ok()) problem_ = place + ": " + what;
  }

  const nlohmann::json& object(const nlohmann::json& in, const std::string& place, const char* key) {
    static const nlohmann::json kEmpty = nlohmann::json::object();
    const auto it = in.find(key);
    if (it == in.end() || !it->is_object()) {
      fail(place + key, "needs an object");
      return kEmpty;
    }
    return *it;
  }
  const nlohmann::json& array(const nlohmann::json& in, const std::string& place, const char* key) {
    static const nlohmann::json kEmpty = nlohmann::json::array();
    const auto it = in.find(key);
    if (it == in.end() || !it->is_array()) {
      fail(place + key, "needs a list");
      return kEmpty;
    }
    return *it;
  }
  // `fallback` < 0: the field is required.
  int integer(const nlohmann::json& in, const std::string& place, const char* key, int low, int high,
              int fallback = -1) {
    const auto it = in.find(key);
    if (it == in.end() && fallback >= 0) return fallback;
    if (it == in.end()) {
      fail(place + key, "is missing");
      return low;
    }
    return integer_value(*it, place + key, low, high);
  }
  int integer_value(const nlohmann::json& value, const std::string& place, int low, int high) {
    if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT32_MAX) ||
        value.get<int64_t>() < low || value.get<int64_t>() > high) {
      fail(place, fmt::format("must be a whole number in {}..{}", low, high));
      return low;
    }
    return value.get<int>();
  }
  // The index of the field's text among `choices`; an empty fallback makes it required.
  template <size_t N>
  size_t choice(const nlohmann::json& in, const std::string& place, const char* key,
                const std::array<std::string_view, N>& choices, std::string_view fallback = {}) {
    const auto it = in.find(key);
    std::string text(fallback);
    if (it != in.end() && it->is_string()) text = it->get<std::string>();
    for (size_t i = 0; i < N; ++i) {
      if (text == choices[i] && (it == in.end() || it->is_string())) return i;
    }
    fail(place + key, "is " + (text.empty() ? std::string("missing or not a text") : printable(text)) +
                          ", not one of the known choices");
    return 0;
  }

 private:
  std::string problem_;
};

}  // namespace compass
