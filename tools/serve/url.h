// Addresses that clients send: taken apart, and nothing believed of them.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace compass::tools::serve {

// Percent signs undone. Nothing if one is followed by no two hexadecimal digits, or stands for NUL.
std::optional<std::string> percent_decoded(std::string_view text);
// Every byte that is not a letter, a digit or one of "-._~" as a percent sign and two digits; a slash is kept
// if `slashes`.
std::string percent_encoded(std::string_view text, bool slashes = false);

// The parts between separators; one more than there are of those.
std::vector<std::string_view> split(std::string_view text, char separator);

struct Url {
  std::vector<std::string>
      path;  // decoded, one for each part between slashes; the last is empty for a folder
  std::map<std::string, std::string> query;  // of several with one name, the last

  bool is_folder() const { return path.empty() || path.back().empty(); }
  const std::string* find(const std::string& name) const {
    const auto found = query.find(name);
    return found == query.end() ? nullptr : &found->second;
  }
};

// "/a/b%20c?x=1". Nothing if it does not begin with a slash, or is not encoded as it should be.
std::optional<Url> parse_url(std::string_view target);

// Whether a file may be called so: not empty, no slash or NUL, not "." or "..", and not hidden (".name").
bool is_public_name(std::string_view name);

// For text, and values in double quotes, of HTML and XML.
std::string html_escaped(std::string_view text);

}  // namespace compass::tools::serve
