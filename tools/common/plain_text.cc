#include "plain_text.h"

#include <fmt/format.h>

namespace compass::tools {
namespace {

struct Decoded {
  char32_t character = 0;
  size_t bytes = 0;  // 0: the text does not begin with a character
};

// The first character of `text`, which is not empty, by the rules of UTF-8: no longer form than needed, no
// surrogates, nothing above U+10FFFF.
Decoded first_character(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t character = lead & (0x7FU >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {};
    character = character << 6 | (byte(i) & 0x3FU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = character >= 0xD800 && character <= 0xDFFF;
  if (character < kSmallest[bytes] || surrogate || character > 0x10FFFF) return {};
  return {character, bytes};
}

// `text` with what `replace` gives for each control character but line breaks.
template <typename Replace>
std::string cleaned(std::string_view text, Replace replace) {
  constexpr std::string_view kNoCharacter = "\xEF\xBF\xBD";  // U+FFFD
  std::string out;
  while (!text.empty()) {
    const Decoded next = first_character(text);
    if (next.bytes == 0) {
      out += kNoCharacter;
    } else if (is_control(next.character)) {
      out += replace(next.character);
    } else {
      out += text.substr(0, next.bytes);
    }
    text.remove_prefix(next.bytes == 0 ? 1 : next.bytes);
  }
  return out;
}

}  // namespace

bool is_control(char32_t c) {
  const bool c0 = c < 0x20;
  const bool c1 = c >= 0x7F && c <= 0x9F;
  const bool separator = c == 0x2028 || c == 0x2029;
  const bool direction = c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
                         (c >= 0x2066 && c <= 0x2069);
  return c0 || c1 || separator || direction;
}

std::string plain_line(std::string_view text) {
  return cleaned(text, [](char32_t) { return std::string("?"); });
}

std::string plain_text(std::string_view text) {
  return cleaned(text, [](char32_t c) { return std::string(c == '\n' ? "\n" : "?"); });
}

std::string plain_json(std::string_view json) {
  return cleaned(json, [](char32_t c) {
    return c == '\n' ? std::string("\n") : fmt::format("\\u{:04x}", static_cast<unsigned>(c));
  });
}

}  // namespace compass::tools
