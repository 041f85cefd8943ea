// Text from a file, made safe to print in a message.
#pragma once

#include <string>
#include <string_view>

namespace compass {

// `text` in quotes, cut to 80 characters, everything but printable ASCII shown as '?': a hostile file cannot
// write control sequences to the terminal through our error messages.
inline std::string printable(std::string_view text) {
  constexpr size_t kShown = 80;
  std::string out = "'";
  for (const char c : text.substr(0, kShown)) {
    out += (c >= ' ' && c <= '~') ? c : '?';
  }
  return out + (text.size() > kShown ? "...'" : "'");
}

}  // namespace compass
