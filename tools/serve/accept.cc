#include "serve/accept.h"

#include <algorithm>

namespace compass::tools::serve {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

std::vector<AcceptItem> accept_items(std::string_view list) {
  std::vector<AcceptItem> items;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    const size_t weight = item.find("q=");
    const bool refused = weight != std::string_view::npos &&
                         item.substr(weight + 2).find_first_of("123456789") == std::string_view::npos;
    items.push_back({trimmed(item.substr(0, item.find(';'))), refused});
  }
  return items;
}

}  // namespace compass::tools::serve
