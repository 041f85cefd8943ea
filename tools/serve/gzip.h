// Bytes made smaller for the network: what every browser undoes, whether the server says so or a script does
// it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace compass::tools::serve {

// As `gzip -9n` makes it, or faster at a lower level of 1 to 9. The same bytes give the same bytes.
std::vector<uint8_t> gzipped(std::span<const uint8_t> bytes, int level = 9);

// Whether a client that sent this Accept-Encoding header reads gzip.
bool accepts_gzip(std::string_view accept_encoding);

// Whether what has this media type becomes much smaller: text, scripts, modules; pictures do not.
bool is_compressible(std::string_view type);

}  // namespace compass::tools::serve
