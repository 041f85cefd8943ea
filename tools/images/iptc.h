// IPTC records (IIM) and the Photoshop resources that hold them in JPEG.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace compass::tools::images {

// The records in what a file calls its IPTC data: as they are, or inside Photoshop resources ("8BIM"), with
// or without JPEG's "Photoshop 3.0" in front. Empty if there are none.
std::vector<uint8_t> iptc_records(std::span<const uint8_t> data);

// Photoshop resources that hold those records.
std::vector<uint8_t> photoshop_resources(std::span<const uint8_t> records);

// The content of JPEG's segment APP13 for them.
std::vector<uint8_t> photoshop_segment(std::span<const uint8_t> records);

}  // namespace compass::tools::images
