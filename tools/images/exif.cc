#include "exif.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

namespace compass::tools::images {
namespace {

constexpr std::array<uint8_t, 6> kExifHeader{'E', 'x', 'i', 'f', 0, 0};
constexpr size_t kEntryBytes = 12;  // tag (2), type (2), number of values (4), values or where they lie (4)
constexpr size_t kMaxDirectories = 32;  // in one block; four are usual

// TIFF 6.0 and Exif 2.32.
enum Tag : uint32_t {
  kInteropIndex = 0x0001,
  kImageWidth = 0x0100,
  kImageLength = 0x0101,
  kStripOffsets = 0x0111,
  kOrientation = 0x0112,
  kStripByteCounts = 0x0117,
  kXResolution = 0x011A,
  kYResolution = 0x011B,
  kResolutionUnit = 0x0128,
  kTransferFunction = 0x012D,
  kWhitePoint = 0x013E,
  kPrimaryChromaticities = 0x013F,
  kSubIfds = 0x014A,
  kThumbnailOffset = 0x0201,
  kThumbnailLength = 0x0202,
  kExifIfd = 0x8769,
  kIccProfile = 0x8773,
  kGpsIfd = 0x8825,
  kSubjectArea = 0x9214,
  kColourSpace = 0xA001,
  kPixelXDimension = 0xA002,
  kPixelYDimension = 0xA003,
  kInteropIfd = 0xA005,
  kSubjectLocation = 0xA214,
  kGamma = 0xA500,
};

enum Type : uint32_t { kByte = 1, kAscii = 2, kShort = 3, kLong = 4, kRational = 5 };

// Bytes of one value; 0 for types that do not exist.
uint32_t type_bytes(uint32_t type) {
  constexpr std::array<uint32_t, 14> kBytes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4};
  return type < kBytes.size() ? kBytes[type] : 0;
}

struct Range {
  size_t begin = 0;
  size_t end = 0;
};

// The block: numbers in its byte order, and its directories. Reading beyond the end gives 0; writing there
// does nothing.
class Block {
 public:
  explicit Block(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {
    little_ = !bytes_.empty() && bytes_[0] == 'I';
  }

  bool valid() const {
    return bytes_.size() >= 8 && (bytes_[0] == 'I' || bytes_[0] == 'M') && bytes_[1] == bytes_[0] &&
           number(2, 2) == 42 && inside(first(), 2);
  }
  size_t first() const { return number(4, 4); }
  bool inside(size_t at, size_t count) const { return at <= bytes_.size() && bytes_.size() - at >= count; }

  uint32_t number(size_t at, size_t count) const {
    if (!inside(at, count)) return 0;
    uint32_t value = 0;
    for (size_t i = 0; i < count; ++i) value = value << 8 | bytes_[at + (little_ ? count - 1 - i : i)];
    return value;
  }
  void set_number(size_t at, size_t count, uint32_t value) {
    if (!inside(at, count)) return;
    for (size_t i = 0; i < count; ++i, value >>= 8) {
      bytes_[at + (little_ ? i : count - 1 - i)] = static_cast<uint8_t>(value & 255);
    }
  }

  // Entries of a directory, as far as the block holds them.
  size_t entries(size_t directory) const {
    if (!inside(directory, 2)) return 0;
    return std::min<size_t>(number(directory, 2), (bytes_.size() - directory - 2) / kEntryBytes);
  }
  static size_t entry(size_t directory, size_t i) { return directory + 2 + kEntryBytes * i; }
  uint32_t tag(size_t entry) const { return number(entry, 2); }
  // Where an entry's values lie; empty if that is not inside the block.
  Range values(size_t entry) const {
    const uint64_t bytes = uint64_t{type_bytes(number(entry + 2, 2))} * number(entry + 4, 4);
    const size_t at = bytes <= 4 ? entry + 8 : number(entry + 8, 4);
    if (bytes == 0 || bytes > bytes_.size() || !inside(at, bytes)) return {};
    return {at, at + bytes};
  }
  // The entry's only, or first, whole number; 0 if it is none.
  uint32_t value(size_t entry) const {
    const uint32_t type = number(entry + 2, 2);
    const Range where = values(entry);
    if (where.begin == where.end || (type != kByte && type != kShort && type != kLong)) return 0;
    return number(where.begin, type_bytes(type));
  }
  void set_value(size_t entry, uint32_t value) {
    const uint32_t type = number(entry + 2, 2);
    const Range where = values(entry);
    if (where.begin == where.end || (type != kByte && type != kShort && type != kLong)) return;
    const uint64_t largest = (uint64_t{1} << (8 * type_bytes(type))) - 1;
    set_number(where.begin, type_bytes(type), value <= largest ? value : 0);
  }
  // 0 if the directory has no such tag.
  size_t find(size_t directory, uint32_t wanted) const {
    for (size_t i = 0; i < entries(directory); ++i) {
      if (tag(entry(directory, i)) == wanted) return entry(directory, i);
    }
    return 0;
  }
  // Moves the entries behind it, and the link to the next directory, forward. Its values stay, unnamed.
  void remove(size_t directory, size_t i) {
    const size_t count = entries(directory);
    const size_t from = entry(directory, i + 1);
    const size_t end = std::min(bytes_.size(), entry(directory, count) + 4);
    std::copy(bytes_.begin() + static_cast<ptrdiff_t>(from), bytes_.begin() + static_cast<ptrdiff_t>(end),
              bytes_.begin() + static_cast<ptrdiff_t>(from - kEntryBytes));
    set_number(directory, 2, static_cast<uint32_t>(count - 1));
  }
  size_t next(size_t directory) const { return number(entry(directory, number(directory, 2)), 4); }
  void set_next(size_t directory, uint32_t to) { set_number(entry(directory, number(directory, 2)), 4, to); }

  void clear(Range range) {
    std::fill(bytes_.begin() + static_cast<ptrdiff_t>(range.begin),
              bytes_.begin() + static_cast<ptrdiff_t>(range.end), uint8_t{0});
  }
  void cut(size_t size) { bytes_.resize(std::min(size, bytes_.size())); }
  // Where the new bytes begin.
  size_t append(size_t count) {
    bytes_.insert(bytes_.end(), bytes_.size() % 2 + count, uint8_t{0});
    return bytes_.size() - count;
  }
  size_t size() const { return bytes_.size(); }
  std::span<uint8_t> bytes() { return bytes_; }
  std::vector<uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<uint8_t> bytes_;
  bool little_ = false;
};

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

// Tags that hold no more for an upright sRGB picture of whatever size.
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

void correct_entry(Block& block, size_t entry, Size size) {
  switch (block.tag(entry)) {
    case kOrientation:
      block.set_value(entry, 1);
      break;
    case kColourSpace:
      block.set_value(entry, 1);  // sRGB
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

void correct_directories(Block& block, Size size) {
  const std::vector<size_t> all = directories(block);
  for (const size_t directory : all) {
    const size_t exif = block.find(directory, kExifIfd);
    const size_t gps = block.find(block.first(), kGpsIfd);
    if (gps != 0 && block.value(gps) == directory) continue;  // small tags mean other things there
    if (exif == 0 && directory != block.first()) correct_interoperability(block, directory);
    for (size_t i = 0; i < block.entries(directory);) {
      const size_t entry = Block::entry(directory, i);
      if (is_stale(block.tag(entry))) {
        block.remove(directory, i);
      } else {
        correct_entry(block, entry, size);
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

std::vector<uint8_t> true_exif(std::span<const uint8_t> exif, Size size, std::optional<Density> density) {
  exif = without_header(exif);
  std::vector<uint8_t> bytes(exif.begin(), exif.end());
  if (bytes.empty() && density) bytes = {'I', 'I', 42, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0};  // nothing in it
  Block block(std::move(bytes));
  if (!block.valid()) return {};
  drop_thumbnail(block);
  swap_densities(block);
  correct_directories(block, size);
  const bool stated = block.find(block.first(), kXResolution) != 0 ||
                      block.find(block.first(), kYResolution) != 0 ||
                      block.find(block.first(), kResolutionUnit) != 0;
  if (density && !stated) add_density(block, *density);
  return block.take();
}

std::vector<uint8_t> exif_of(std::span<const TiffText> texts) {
  if (texts.empty()) return {};
  Block block({'I', 'I', 42, 0, 8, 0, 0, 0});
  const size_t directory = block.append(2 + kEntryBytes * texts.size() + 4);
  block.set_number(directory, 2, static_cast<uint32_t>(texts.size()));
  size_t entry = directory + 2;
  for (const TiffText& text : texts) {
    const size_t bytes = text.text.size() + 1;  // and a zero
    const size_t at = bytes <= 4 ? entry + 8 : block.append(bytes);
    std::copy(text.text.begin(), text.text.end(), block.bytes().begin() + static_cast<ptrdiff_t>(at));
    block.set_number(entry, 2, text.tag);
    block.set_number(entry + 2, 2, kAscii);
    block.set_number(entry + 4, 4, static_cast<uint32_t>(bytes));
    if (bytes > 4) block.set_number(entry + 8, 4, static_cast<uint32_t>(at));
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
