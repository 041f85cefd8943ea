// One picture of all the layers, side by side at their true relative sizes, captioned.
#pragma once

#include <string>
#include <vector>

#include "core/result.h"
#include "image/image.h"

namespace compass::tools {

struct SheetEntry {
  Image image;
  std::string title;                 // "Layer 0"
  std::vector<std::string> details;  // lines under it
};

// `heading` stands above, large; `subheading` beside it. Entries are drawn lowest first, standing on one
// line; if they would be wider than about 1,800 pixels together, all are scaled down by one factor. Errors:
// kFailure.
Result<Image> contact_sheet(const std::string& heading, const std::string& subheading,
                            const std::vector<SheetEntry>& entries);

}  // namespace compass::tools
