#include "xmp.h"

#include <algorithm>
#include <string>
#include <string_view>

namespace compass::tools::images {
namespace {

constexpr std::string_view kSpaces = " \t\r\n";

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '.' || static_cast<unsigned char>(c) >= 0x80;
}

// Prefixes bound to the namespace anywhere in the packet (XML allows several).
std::vector<std::string> prefixes_of(std::string_view xmp, std::string_view space) {
  constexpr std::string_view kBinding = "xmlns:";
  constexpr size_t kMaxPrefixes = 8;  // one is usual
  std::vector<std::string> prefixes;
  for (size_t at = xmp.find(kBinding); at != std::string_view::npos; at = xmp.find(kBinding, at)) {
    at += kBinding.size();
    size_t end = at;
    while (end < xmp.size() && is_name(xmp[end])) ++end;
    const std::string prefix(xmp.substr(at, end - at));
    size_t value = xmp.find_first_not_of(kSpaces, end);
    if (value == std::string_view::npos || xmp[value] != '=') continue;
    value = xmp.find_first_not_of(kSpaces, value + 1);
    if (value == std::string_view::npos || (xmp[value] != '"' && xmp[value] != '\'')) continue;
    const bool bound = xmp.substr(value + 1, space.size()) == space &&
                       xmp.substr(value + 1 + space.size(), 1) == xmp.substr(value, 1);
    const bool known = std::find(prefixes.begin(), prefixes.end(), prefix) != prefixes.end();
    if (bound && !known && !prefix.empty()) prefixes.push_back(prefix);
    if (prefixes.size() == kMaxPrefixes) break;
  }
  return prefixes;
}

struct Range {
  size_t begin = std::string::npos;
  size_t end = std::string::npos;
};

// The value of a property whose name lies at `name`: of an attribute (name="value") or an element
// (<name ...>value</name>). Without a begin if it is neither; without an end if the packet ends first.
Range value_at(std::string_view xmp, Range name) {
  const char before = name.begin > 0 ? xmp[name.begin - 1] : '\0';
  if (before == '<') {
    const size_t close = xmp.find('>', name.end);
    if (close == std::string_view::npos) return {name.end, close};
    if (xmp[close - 1] == '/') return {};
    return {close + 1, xmp.find('<', close)};
  }
  if (kSpaces.find(before) == std::string_view::npos) return {};
  const size_t equals = xmp.find_first_not_of(kSpaces, name.end);
  if (equals == std::string_view::npos || xmp[equals] != '=') return {};
  const size_t quote = xmp.find_first_not_of(kSpaces, equals + 1);
  if (quote == std::string_view::npos || (xmp[quote] != '"' && xmp[quote] != '\'')) return {};
  return {quote + 1, xmp.find(xmp[quote], quote + 1)};
}

// Both pass over the text once, whatever a hostile packet holds.

void set_property(std::string& xmp, const std::string& name, std::string_view value) {
  std::string out;
  size_t copied = 0;
  for (size_t at = xmp.find(name); at != std::string::npos; at = xmp.find(name, at)) {
    const size_t end = at + name.size();
    const bool whole = end >= xmp.size() || !is_name(xmp[end]);
    const Range old = whole ? value_at(xmp, {at, end}) : Range{};
    at = end;
    if (old.begin == std::string::npos) continue;
    if (old.end == std::string::npos) break;
    out.append(xmp, copied, old.begin - copied).append(value);
    copied = at = old.end;
  }
  if (copied > 0) xmp = out.append(xmp, copied);
}

// Takes <name ...>...</name> out, which does not hold itself, and attributes of that name.
void remove_property(std::string& xmp, const std::string& name) {
  const std::string close = "</" + name;
  std::string out;
  size_t copied = 0;
  for (size_t at = xmp.find(name); at != std::string::npos; at = xmp.find(name, at)) {
    const size_t start = at;
    at += name.size();
    if (start == 0 || at >= xmp.size() || is_name(xmp[at])) continue;
    size_t end = 0;  // of what goes
    if (xmp[start - 1] == '<') {
      end = xmp.find('>', at);
      const bool holds = end != std::string::npos && xmp[end - 1] != '/';
      if (holds) end = xmp.find(close, end);
      if (holds && end != std::string::npos) end = xmp.find('>', end);
    } else {
      const Range value = value_at(xmp, {start, at});
      if (value.begin == std::string::npos) continue;
      end = value.end;
    }
    if (end == std::string::npos) break;
    const size_t from = xmp[start - 1] == '<' ? start - 1 : start;
    out.append(xmp, copied, from - copied);
    copied = at = end + 1;
  }
  if (copied > 0) xmp = out.append(xmp, copied);
}

}  // namespace

std::vector<uint8_t> true_xmp(std::span<const uint8_t> xmp, Size size, bool srgb) {
  if (std::find(xmp.begin(), xmp.end(), uint8_t{0}) != xmp.end()) return {};  // more than a byte a letter
  std::string text(xmp.begin(), xmp.end());
  const std::string width = std::to_string(size.width);
  const std::string height = std::to_string(size.height);
  for (const std::string& tiff : prefixes_of(text, "http://ns.adobe.com/tiff/1.0/")) {
    set_property(text, tiff + ":Orientation", "1");
    set_property(text, tiff + ":ImageWidth", width);
    set_property(text, tiff + ":ImageLength", height);
    for (const char* name : {":WhitePoint", ":PrimaryChromaticities", ":TransferFunction"}) {
      remove_property(text, tiff + name);
    }
  }
  for (const std::string& exif : prefixes_of(text, "http://ns.adobe.com/exif/1.0/")) {
    set_property(text, exif + ":ColorSpace", srgb ? "1" : "65535");
    set_property(text, exif + ":PixelXDimension", width);
    set_property(text, exif + ":PixelYDimension", height);
  }
  for (const std::string& photoshop : prefixes_of(text, "http://ns.adobe.com/photoshop/1.0/")) {
    if (!srgb) break;  // it names the profile that is kept
    set_property(text, photoshop + ":ICCProfile", "sRGB IEC61966-2.1");
  }
  for (const std::string& basic : prefixes_of(text, "http://ns.adobe.com/xap/1.0/")) {
    remove_property(text, basic + ":Thumbnails");
  }
  return {text.begin(), text.end()};
}

}  // namespace compass::tools::images
