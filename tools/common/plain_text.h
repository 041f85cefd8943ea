// Text of any origin made safe for a terminal.
#pragma once

#include <string>
#include <string_view>

namespace compass::tools {

// Whether a character may do something to a terminal, or to the order of a line, instead of being shown:
// control characters (C0, C1, DEL), line and paragraph separators, and marks that turn the direction of
// writing.
bool is_control(char32_t character);

// `text` as one line of valid UTF-8: each control character becomes '?', each byte that is not part of a
// character U+FFFD. For all text that contains names of files or output of other programs.
std::string plain_line(std::string_view text);

// The same, with its line breaks kept. Names within it need plain_line() of their own, so that none can break
// a line.
std::string plain_text(std::string_view text);

// Valid JSON with the control characters in its strings written as \uXXXX, line breaks kept. Its meaning
// stays the same.
std::string plain_json(std::string_view json);

}  // namespace compass::tools
