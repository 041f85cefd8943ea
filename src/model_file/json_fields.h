// Fields of a JSON document that may hold anything: a model's description, a training configuration.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace compass {

// Reads fields of a JSON document and keeps the first error, so that parsing code need not check each field.
// After an error, what it returns are defaults.
//
// `place` is the path of the object `in`, such as "base.g_a.3." (empty for the document itself). Fields that
// were never read are errors, too: call refuse_unread at the end.
class FieldReader {
 public:
  bool ok() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  void fail(const std::string& place, const std::string& what) {
    if (ok()) problem_ = place + ": " + what;
  }

  const nlohmann::json& object(const nlohmann::json& in, const std::string& place, const char* key);
  const nlohmann::json& array(const nlohmann::json& in, const std::string& place, const char* key);
  // The field as it is, unchecked; null if there is none.
  const nlohmann::json* anything(const nlohmann::json& in, const std::string& place, const char* key);

  // A whole number in [low, high]. `fallback` < 0: the field is required.
  int integer(const nlohmann::json& in, const std::string& place, const char* key, int low, int high,
              int fallback = -1);
  int integer_value(const nlohmann::json& value, const std::string& place, int low, int high);
  // A number in [low, high]. Without a fallback the field is required.
  double number(const nlohmann::json& in, const std::string& place, const char* key, double low, double high,
                std::optional<double> fallback = {});
  // Text. Without a fallback the field is required.
  std::string text(const nlohmann::json& in, const std::string& place, const char* key,
                   std::optional<std::string> fallback = {});
  // A list of texts; empty if there is none and none is required.
  std::vector<std::string> texts(const nlohmann::json& in, const std::string& place, const char* key,
                                 bool required = false);
  // The index of the field's text among `choices`; an empty fallback makes it required.
  size_t choice(const nlohmann::json& in, const std::string& place, const char* key,
                std::span<const std::string_view> choices, std::string_view fallback = {});
  size_t choice_value(const std::string& value, const std::string& place,
                      std::span<const std::string_view> choices);

  // Fails, naming the first field of the document that was never read. Fields inside of what anything()
  // returned do not count.
  void refuse_unread(const nlohmann::json& document);

 private:
  // The field, or null. Notes that it was asked for.
  const nlohmann::json* find(const nlohmann::json& in, const std::string& place, const char* key);
  void fail_missing(const nlohmann::json& in, const std::string& place, const char* key);
  void refuse_unread(const nlohmann::json& value, const std::string& place);

  std::string problem_;
  std::set<std::string, std::less<>> read_;  // places of fields, "base.g_a.3.kernel"
  std::set<std::string, std::less<>> any_;   // of those among them that may hold anything
};

}  // namespace compass
