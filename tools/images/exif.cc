#include "exif.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "exif_block.h"

namespace compass::tools::images {

using namespace exif;

namespace {

constexpr std::array<uint8_t, 6> kExifHeader{'E', 'x', 'i', 'f', 0, 0};
constexpr size_t kMaxDirectories = 32;  // in one block; four are usual

// The main picture's directories: the first, and those it points to. A loop ends where it began.
std::vector<size_t> directories(const Block& block) {
  std::vector<size_t> found{block.first()};
  for (size_t i = 0; i < found.size(); ++i) {
    for (const uint32_t pointer : {kExifIfd, kGpsIfd, kInteropIfd}) {
      const size_t entry = block.find(found[i], pointer);
      const size_t to = entry == 0 ? 0 : block.value(entry);
      const bool known = std::find(found.begin(), found.end(), to) != found.end();
      if (to >= 8 && block.inside(to, 2) && !known && found.size() < kMaxDirectories) found.push_back(to);
    }
  }
  return found;
}

// What the main picture's directories take of the block, values and all.
std::vector<Range> used_ranges(const Block& block) {
  std::vector<Range> used{{0, 8}};
  for (const size_t directory : directories(block)) {
    const size_t count = block.entries(directory);
    used.push_back({directory, std::min(block.size(), Block::entry(directory, count) + 4)});
    for (size_t i = 0; i < count; ++i) {
      const Range values = block.values(Block::entry(directory, i));
      if (values.begin != values.end) used.push_back(values);
    }
  }
  return used;
}

// Blanks where the thumbnail's bytes lie, unless something else claims the place, too.
void clear_thumbnail(Block& block, size_t directory) {
  const std::vector<Range> used = used_ranges(block);
  for (const auto& [where, length] :
       {std::pair{kThumbnailOffset, kThumbnailLength}, std::pair{kStripOffsets, kStripByteCounts}}) {
    const size_t start = block.find(directory, where);
    const size_t bytes = block.find(directory, length);
    if (start == 0 || bytes == 0) continue;
    const Range range{block.value(start), size_t{block.value(start)} + block.value(bytes)};
    const bool free = std::none_of(used.begin(), used.end(), [&](const Range& other) {
      return range.begin < other.end && other.begin < range.end;
    });
    if (free && range.begin <= block.size()) block.clear({range.begin, std::min(range.end, block.size())});
  }
}

// Takes the directories behind the first one, which describe the thumbnail, out of the block: cuts off what
// only they used, if it lies at the end, where it usually is.
void drop_thumbnail(Block& block) {
  const size_t thumbnail = block.next(block.first());
  if (thumbnail == 0) return;
  block.set_next(block.first(), 0);
  clear_thumbnail(block, thumbnail);
  size_t end = 0;
  for (const Range& range : used_ranges(block)) end = std::max(end, range.end);
  block.cut(end);
}

// Tags that are wrong for a picture that was turned upright, converted to sRGB, or scaled.
bool is_stale(uint32_t tag) {
  switch (tag) {
    case kTransferFunction:
    case kWhitePoint:
    case kPrimaryChromaticities:
    case kIccProfile:
    case kGamma:
    case kSubIfds:
    case kSubjectArea:
    case kSubjectLocation:
      return true;
    default:
      return false;
  }
}

void correct_entry(Block& block, size_t entry, Size size, bool srgb) {
  switch (block.tag(entry)) {
    case kOrientation:
      block.set_value(entry, 1);
      break;
    case kColourSpace:
      block.set_value(entry, srgb ? 1 : 65535);  // or uncalibrated
      break;
    case kImageWidth:
    case kPixelXDimension:
      block.set_value(entry, static_cast<uint32_t>(size.width));
      break;
    case kImageLength:
    case kPixelYDimension:
      block.set_value(entry, static_cast<uint32_t>(size.height));
      break;
    default:
      break;
  }
}

// "R03" says Adobe RGB, "R98" sRGB (DCF 2.0).
void correct_interoperability(Block& block, size_t directory) {
  const size_t entry = block.find(directory, kInteropIndex);
  if (entry == 0 || block.number(entry + 2, 2) != kAscii) return;
  const Range values = block.values(entry);
  if (values.end - values.begin >= 3) std::memcpy(block.bytes().data() + values.begin, "R98", 3);
}

void correct_directories(Block& block, Size size, bool srgb) {
  const std::vector<size_t> all = directories(block);
  for (const size_t directory : all) {
    const size_t exif = block.find(directory, kExifIfd);
    const size_t gps = block.find(block.first(), kGpsIfd);
    if (gps != 0 && block.value(gps) == directory) continue;  // small tags mean other things there
    if (srgb && exif == 0 && directory != block.first()) correct_interoperability(block, directory);
    for (size_t i = 0; i < block.entries(directory);) {
      const size_t entry = Block::entry(directory, i);
      if (is_stale(block.tag(entry))) {
        block.remove(directory, i);
      } else {
        correct_entry(block, entry, size, srgb);
        ++i;
      }
    }
  }
}

// Of a picture that was turned sideways, what was across is now down.
void swap_densities(Block& block) {
  const size_t orientation = block.find(block.first(), kOrientation);
  const size_t across = block.find(block.first(), kXResolution);
  const size_t down = block.find(block.first(), kYResolution);
  if (orientation == 0 || block.value(orientation) < 5 || across == 0 || down == 0) return;
  const Range x = block.values(across);
  const Range y = block.values(down);
  if (x.end - x.begin != 8 || y.end - y.begin != 8) return;
  const auto at = [&](size_t offset) { return block.bytes().begin() + static_cast<ptrdiff_t>(offset); };
  std::swap_ranges(at(x.begin), at(x.end), at(y.begin));
}

struct NewEntry {
  uint32_t tag;
  uint32_t type;
  uint32_t value;  // or where it lies
};

// Writes the first directory anew at the block's end, with these entries among its own, in order of tags.
void add_entries(Block& block, std::span<const NewEntry> added) {
  const size_t old = block.first();
  const size_t count = block.entries(old);
  const uint32_t next = block.next(old);
  const size_t directory = block.append(2 + kEntryBytes * (count + added.size()) + 4);
  block.set_number(directory, 2, static_cast<uint32_t>(count + added.size()));
  size_t out = directory + 2;
  size_t from = 0;
  const auto copy_below = [&](uint32_t tag) {
    for (; from < count && block.tag(Block::entry(old, from)) < tag; ++from, out += kEntryBytes) {
      std::memcpy(block.bytes().data() + out, block.bytes().data() + Block::entry(old, from), kEntryBytes);
    }
  };
  for (const NewEntry& entry : added) {
    copy_below(entry.tag);
    block.set_number(out, 2, entry.tag);
    block.set_number(out + 2, 2, entry.type);
    block.set_number(out + 4, 4, 1);
    block.set_number(out + 8, entry.type == kShort ? 2 : 4, entry.value);
    out += kEntryBytes;
  }
  copy_below(UINT32_MAX);
  block.set_number(out, 4, next);
  block.set_number(4, 4, static_cast<uint32_t>(directory));
}

constexpr double kMetresPerInch = 0.0254;

void add_density(Block& block, const Density& density) {
  // Inches if they give whole numbers, as they do for what was stated in inches.
  const auto whole = [](double v) { return std::abs(v - std::round(v)) < 0.02; };
  const bool inches = whole(density.x * kMetresPerInch) && whole(density.y * kMetresPerInch);
  const double unit = inches ? kMetresPerInch : 0.01;
  const size_t rationals = block.append(16);
  size_t at = rationals;
  for (const double value : {density.x * unit, density.y * unit}) {
    const double hundredths =
        std::clamp(inches ? std::round(value) * 100 : std::round(value * 100), 1.0, 4e9);
    block.set_number(at, 4, static_cast<uint32_t>(hundredths));
    block.set_number(at + 4, 4, 100);
    at += 8;
  }
  const std::array<NewEntry, 3> entries{{{kXResolution, kRational, static_cast<uint32_t>(rationals)},
                                         {kYResolution, kRational, static_cast<uint32_t>(rationals + 8)},
                                         {kResolutionUnit, kShort, inches ? 2U : 3U}}};
  add_entries(block, entries);
}

std::span<const uint8_t> without_header(std::span<const uint8_t> exif) {
  const bool headed =
      exif.size() >= kExifHeader.size() && std::equal(kExifHeader.begin(), kExifHeader.end(), exif.begin());
  return headed ? exif.subspan(kExifHeader.size()) : exif;
}

}  // namespace

std::vector<uint8_t> true_exif(std::span<const uint8_t> exif, Size size, std::optional<Density> density,
                               bool srgb) {
  exif = without_header(exif);
  std::vector<uint8_t> bytes(exif.begin(), exif.end());
  if (bytes.empty() && density) bytes = {'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0};  // nothing in it
  Block block(std::move(bytes));
  if (!block.valid()) return {};
  drop_thumbnail(block);
  swap_densities(block);
  correct_directories(block, size, srgb);
  const bool stated = block.find(block.first(), kXResolution) != 0 ||
                      block.find(block.first(), kYResolution) != 0 ||
                      block.find(block.first(), kResolutionUnit) != 0;
  if (density && !stated) add_density(block, *density);
  return block.take();
}

std::vector<uint8_t> exif_of(std::span<const TiffText> texts) {
  if (texts.empty()) return {};
  constexpr size_t kHeaderBytes = 8;
  std::vector<uint8_t> bytes(kHeaderBytes + 2 + kEntryBytes * texts.size() + 4);
  bytes[0] = bytes[1] = 'I';
  bytes[2] = 42;
  bytes[4] = kHeaderBytes;
  const size_t directory = kHeaderBytes;
  Block block(std::move(bytes));
  block.set_number(directory, 2, static_cast<uint32_t>(texts.size()));
  size_t entry = directory + 2;
  for (const TiffText& text : texts) {
    const size_t length = text.text.size() + 1;  // and a zero
    const size_t at = length <= 4 ? entry + 8 : block.append(length);
    std::copy(text.text.begin(), text.text.end(), block.bytes().begin() + static_cast<ptrdiff_t>(at));
    block.set_number(entry, 2, text.tag);
    block.set_number(entry + 2, 2, kAscii);
    block.set_number(entry + 4, 4, static_cast<uint32_t>(length));
    if (length > 4) block.set_number(entry + 8, 4, static_cast<uint32_t>(at));
    entry += kEntryBytes;
  }
  return block.take();
}

bool says_adobe_rgb(std::span<const uint8_t> exif) {
  exif = without_header(exif);
  Block block({exif.begin(), exif.end()});
  if (!block.valid()) return false;
  for (const size_t directory : directories(block)) {
    const size_t space = block.find(directory, kColourSpace);
    if (space != 0 && block.value(space) == 2) return true;  // not by the book, but used
    const size_t interop = block.find(directory, kInteropIndex);
    const Range index =
        interop == 0 || block.number(interop + 2, 2) != kAscii ? Range{} : block.values(interop);
    if (index.end - index.begin >= 3 && std::memcmp(block.bytes().data() + index.begin, "R03", 3) == 0)
      return true;
  }
  return false;
}

std::optional<Density> density_of(std::span<const uint8_t> exif) {
  exif = without_header(exif);
  const Block block({exif.begin(), exif.end()});
  if (!block.valid()) return std::nullopt;
  const auto rational = [&](uint32_t tag) {
    const size_t entry = block.find(block.first(), tag);
    const Range values = entry == 0 ? Range{} : block.values(entry);
    if (values.end - values.begin < 8 || block.number(entry + 2, 2) != kRational) return 0.0;
    const uint32_t below = block.number(values.begin + 4, 4);
    return below == 0 ? 0.0 : static_cast<double>(block.number(values.begin, 4)) / below;
  };
  const size_t unit_entry = block.find(block.first(), kResolutionUnit);
  const uint32_t unit = unit_entry == 0 ? 2 : block.value(unit_entry);  // inches, if it does not say
  if (unit != 2 && unit != 3) return std::nullopt;
  const double metres = unit == 2 ? kMetresPerInch : 0.01;
  const Density density{rational(kXResolution) / metres, rational(kYResolution) / metres};
  if (density.x <= 0 || density.y <= 0) return std::nullopt;
  return density;
}

}  // namespace compass::tools::images
