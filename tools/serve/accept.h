// Lists of what a client takes: HTTP's Accept and Accept-Encoding.
#pragma once

#include <string_view>
#include <vector>

namespace compass::tools::serve {

struct AcceptItem {
  std::string_view name;  // "image/webp", "gzip", "*"
  bool refused = false;   // by a weight of 0
};

// The items of such a list, in its order; they refer to `list`. Whatever the client wrote, it is some list.
std::vector<AcceptItem> accept_items(std::string_view list);

}  // namespace compass::tools::serve
