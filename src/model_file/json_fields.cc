#include "model_file/json_fields.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "core/printable.h"

namespace compass {
namespace {

using nlohmann::json;

constexpr size_t kShownKeys = 12;  // of an object that lacks one

}  // namespace

const json* FieldReader::find(const json& in, const std::string& place, const char* key) {
  read_.insert(place + key);
  const auto it = in.find(key);
  return it == in.end() ? nullptr : &*it;
}

// Names what there is instead: most missing fields are misspelt ones.
void FieldReader::fail_missing(const json& in, const std::string& place, const char* key) {
  std::vector<std::string> there;
  for (const auto& item : in.items()) {
    if (there.size() < kShownKeys) there.push_back(printable(item.key()));
  }
  fail(place + key,
       there.empty() ? "is missing" : fmt::format("is missing; there is {}", fmt::join(there, ", ")));
}

const json& FieldReader::object(const json& in, const std::string& place, const char* key) {
  const json* value = find(in, place, key);
  if (value != nullptr && value->is_object()) return *value;
  static const json kEmpty = json::object();
  if (value == nullptr) fail_missing(in, place, key);
  fail(place + key, "needs an object");
  return kEmpty;
}

const json& FieldReader::array(const json& in, const std::string& place, const char* key) {
  const json* value = find(in, place, key);
  if (value != nullptr && value->is_array()) return *value;
  static const json kEmpty = json::array();
  if (value == nullptr) fail_missing(in, place, key);
  fail(place + key, "needs a list");
  return kEmpty;
}

const json* FieldReader::anything(const json& in, const std::string& place, const char* key) {
  any_.insert(place + key);
  return find(in, place, key);
}

int FieldReader::integer(const json& in, const std::string& place, const char* key, int low, int high,
                         int fallback) {
  const json* value = find(in, place, key);
  if (value != nullptr) return integer_value(*value, place + key, low, high);
  if (fallback < 0) fail_missing(in, place, key);
  return fallback < 0 ? low : fallback;
}

int FieldReader::integer_value(const json& value, const std::string& place, int low, int high) {
  if (!value.is_number_integer() || (value.is_number_unsigned() && value.get<uint64_t>() > INT32_MAX) ||
      value.get<int64_t>() < low || value.get<int64_t>() > high) {
    fail(place, fmt::format("must be a whole number in {}..{}", low, high));
    return low;
  }
  return value.get<int>();
}

double FieldReader::number(const json& in, const std::string& place, const char* key, double low, double high,
                           std::optional<double> fallback) {
  const json* value = find(in, place, key);
  if (value == nullptr) {
    if (!fallback) fail_missing(in, place, key);
    return fallback.value_or(low);
  }
  const double number = value->is_number() ? value->get<double>() : low;
  if (!value->is_number() || !(number >= low && number <= high)) {  // so that NaN fails, too
    fail(place + key, fmt::format("must be a number in {}..{}", low, high));
    return low;
  }
  return number;
}

std::string FieldReader::text(const json& in, const std::string& place, const char* key,
                              std::optional<std::string> fallback) {
  const json* value = find(in, place, key);
  if (value == nullptr) {
    if (!fallback) fail_missing(in, place, key);
    return fallback.value_or("");
  }
  if (!value->is_string()) {
    fail(place + key, "must be a text");
    return {};
  }
  return value->get<std::string>();
}

std::vector<std::string> FieldReader::texts(const json& in, const std::string& place, const char* key,
                                            bool required) {
  const json* value = find(in, place, key);
  std::vector<std::string> list;
  if (value == nullptr) {
    if (required) fail_missing(in, place, key);
    return list;
  }
  if (!value->is_array()) {
    fail(place + key, "needs a list");
    return list;
  }
  for (const json& entry : *value) {
    if (!entry.is_string()) {
      fail(place + key, "must list texts");
      return {};
    }
    list.push_back(entry.get<std::string>());
  }
  return list;
}

size_t FieldReader::choice(const json& in, const std::string& place, const char* key,
                           std::span<const std::string_view> choices, std::string_view fallback) {
  const json* value = find(in, place, key);
  if (value == nullptr && fallback.empty()) {
    fail_missing(in, place, key);
    return 0;
  }
  if (value != nullptr && !value->is_string()) {
    fail(place + key, "must be a text");
    return 0;
  }
  return choice_value(value != nullptr ? value->get<std::string>() : std::string(fallback), place + key,
                      choices);
}

size_t FieldReader::choice_value(const std::string& value, const std::string& place,
                                 std::span<const std::string_view> choices) {
  for (size_t i = 0; i < choices.size(); ++i) {
    if (value == choices[i]) return i;
  }
  fail(place, fmt::format("is {}, not one of {}", printable(value), fmt::join(choices, ", ")));
  return 0;
}

void FieldReader::refuse_unread(const json& document) {
  if (ok()) refuse_unread(document, "");
}

void FieldReader::refuse_unread(const json& value, const std::string& place) {
  if (value.is_array()) {
    size_t i = 0;
    for (const json& entry : value) {
      if (!ok()) return;
      refuse_unread(entry, fmt::format("{}{}.", place, i++));
    }
  }
  if (!value.is_object()) return;
  for (const auto& item : value.items()) {
    if (!ok()) return;
    const std::string field = place + item.key();
    if (!read_.contains(field)) {
      fail(place.empty() ? "its top level" : place.substr(0, place.size() - 1),
           "has a field that is unknown here: " + printable(item.key()));
      return;
    }
    if (!any_.contains(field)) refuse_unread(item.value(), field + ".");
  }
}

}  // namespace compass
