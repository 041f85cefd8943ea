// What a client would rather have of a .cmps file: its bytes, or a picture that it knows.
#pragma once

#include <string>
#include <string_view>

namespace compass::tools::serve {

inline constexpr const char* kCmpsType = "image/x-compass";

// The ending of the format, ".webp" or ".jpg", that a browser with this Accept header is to get; empty for
// the bytes themselves: clients that name the type, that name no picture's type, or that ask for a part of
// the bytes.
std::string wanted_format(std::string_view accept, bool has_range);

// How a file's name ends, from its last dot on, in lower case: ".cmps". Empty: it has none.
std::string ending_of(std::string_view name);

// The media type of a file with that ending, such as ".html"; of unknown ones that of plain bytes.
const char* type_of_ending(std::string_view ending);

// The ending of a format by the name in ?format=: "jpeg" or "jpg", "webp", "png". Empty: no such format.
std::string ending_of_format(std::string_view name);

}  // namespace compass::tools::serve
