#include "serve/negotiate.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <utility>

#include "serve/accept.h"

namespace compass::tools::serve {
namespace {

// Whether a list of media types has one that begins so.
bool has_type(std::string_view accept, std::string_view type) {
  return std::ranges::any_of(accept_items(accept), [type](const AcceptItem& item) {
    return !item.refused && item.name.starts_with(type);
  });
}

}  // namespace

std::string wanted_format(std::string_view accept, bool has_range) {
  if (has_range || has_type(accept, kCmpsType)) return "";
  if (has_type(accept, "image/webp")) return ".webp";
  return has_type(accept, "image/") || has_type(accept, "text/html") ? ".jpg" : "";
}

std::string ending_of(std::string_view name) {
  std::string ending = std::filesystem::path(name).extension().string();
  std::ranges::transform(ending, ending.begin(), [](unsigned char c) { return std::tolower(c); });
  return ending;
}

const char* type_of_ending(std::string_view ending) {
  using Pair = std::pair<std::string_view, const char*>;
  constexpr std::array kTypes{Pair{".cmps", kCmpsType},
                              Pair{".html", "text/html; charset=utf-8"},
                              Pair{".css", "text/css; charset=utf-8"},
                              Pair{".js", "text/javascript; charset=utf-8"},
                              Pair{".mjs", "text/javascript; charset=utf-8"},
                              Pair{".json", "application/json"},
                              Pair{".txt", "text/plain; charset=utf-8"},
                              Pair{".wasm", "application/wasm"},
                              Pair{".gz", "application/gzip"},
                              Pair{".svg", "image/svg+xml"},
                              Pair{".png", "image/png"},
                              Pair{".jpg", "image/jpeg"},
                              Pair{".jpeg", "image/jpeg"},
                              Pair{".webp", "image/webp"},
                              Pair{".avif", "image/avif"},
                              Pair{".gif", "image/gif"},
                              Pair{".ico", "image/x-icon"}};
  const auto found = std::ranges::find(kTypes, ending, &Pair::first);
  return found == kTypes.end() ? "application/octet-stream" : found->second;
}

std::string ending_of_format(std::string_view name) {
  if (name == "jpeg" || name == "jpg") return ".jpg";
  if (name == "webp" || name == "png") return '.' + std::string(name);
  return "";
}

}  // namespace compass::tools::serve
