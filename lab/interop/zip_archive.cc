#include "interop/zip_archive.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <optional>

#include "core/printable.h"

// The layout is PKWARE's APPNOTE 6.3: section 4.3.7 (local header), 4.3.12 (directory entry), 4.3.14-4.3.16
// (ends), 4.5.3 (zip64 extra field).
namespace compass {
namespace {

constexpr uint32_t kLocalSignature = 0x04034b50;
constexpr uint32_t kDirectorySignature = 0x02014b50;
constexpr uint32_t kEndSignature = 0x06054b50;
constexpr uint32_t kEnd64Signature = 0x06064b50;
constexpr uint32_t kLocator64Signature = 0x07064b50;
constexpr uint64_t kLocalSize = 30;
constexpr uint64_t kDirectoryEntrySize = 46;
constexpr uint64_t kEndSize = 22;
constexpr uint64_t kEnd64Size = 56;
constexpr uint64_t kLocator64Size = 20;
constexpr uint64_t kMaxComment = 65535;
constexpr uint64_t kMaxDeflateRatio = 1032;  // deflate's best: 258 bytes from two bits

Error bad(std::string message) {
  return {ErrorCode::kBadFile, "zip: " + std::move(message)};
}

// Little-endian integers at checked offsets.
class Bytes {
 public:
  explicit Bytes(std::span<const uint8_t> bytes) : bytes_(bytes) {}
  uint64_t size() const { return bytes_.size(); }
  bool has(uint64_t at, uint64_t count) const { return at <= size() && count <= size() - at; }
  std::span<const uint8_t> range(uint64_t at, uint64_t count) const { return bytes_.subspan(at, count); }
  template <typename T>
  T get(uint64_t at) const {
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i) {
      value = static_cast<T>(value | static_cast<T>(static_cast<T>(bytes_[at + i]) << (8 * i)));
    }
    return value;
  }

 private:
  std::span<const uint8_t> bytes_;
};

// Where the directory lies.
struct Directory {
  uint64_t offset = 0;
  uint64_t size = 0;
  uint64_t entries = 0;
};

std::optional<uint64_t> find_end(const Bytes& bytes) {
  if (bytes.size() < kEndSize) {
    return std::nullopt;
  }
  const uint64_t last = bytes.size() - kEndSize;
  const uint64_t first = last > kMaxComment ? last - kMaxComment : 0;
  for (uint64_t at = last + 1; at-- > first;) {
    if (bytes.get<uint32_t>(at) == kEndSignature && bytes.get<uint16_t>(at + 20) == last - at) {
      return at;
    }
  }
  return std::nullopt;
}

Result<Directory> find_directory(const Bytes& bytes) {
  const auto end = find_end(bytes);
  if (!end) {
    return bad("no end-of-directory record (truncated file?)");
  }
  Directory directory{bytes.get<uint32_t>(*end + 16), bytes.get<uint32_t>(*end + 12),
                      bytes.get<uint16_t>(*end + 10)};
  if (*end >= kLocator64Size && bytes.get<uint32_t>(*end - kLocator64Size) == kLocator64Signature) {
    const auto at = bytes.get<uint64_t>(*end - kLocator64Size + 8);
    if (!bytes.has(at, kEnd64Size) || bytes.get<uint32_t>(at) != kEnd64Signature) {
      return bad("the zip64 end-of-directory record is not where it should be");
    }
    directory = {bytes.get<uint64_t>(at + 48), bytes.get<uint64_t>(at + 40), bytes.get<uint64_t>(at + 32)};
  }
  if (!bytes.has(directory.offset, directory.size) || directory.offset + directory.size > *end) {
    return bad("the directory lies outside the file (truncated file?)");
  }
  if (directory.entries > directory.size / kDirectoryEntrySize) {
    return bad(fmt::format("the directory claims {} entries in {} bytes", directory.entries, directory.size));
  }
  return directory;
}

// Sizes and offset of an entry, which overflow into an extra field when they need 64 bits.
struct Extent {
  uint64_t size;
  uint64_t packed;
  uint64_t offset;
};

Status widen(const Bytes& extra, Extent& extent) {
  constexpr uint16_t kZip64Extra = 0x0001;
  constexpr uint64_t kElsewhere = 0xFFFFFFFF;
  for (uint64_t at = 0; extra.has(at, 4);) {
    const auto id = extra.get<uint16_t>(at);
    const uint64_t end = at + 4 + extra.get<uint16_t>(at + 2);
    if (end > extra.size()) {
      return bad("an extra field is too short");
    }
    at += 4;
    if (id == kZip64Extra) {
      for (uint64_t* field : {&extent.size, &extent.packed, &extent.offset}) {
        if (*field == kElsewhere) {
          if (at + 8 > end) {
            return bad("a zip64 field is too short");
          }
          *field = extra.get<uint64_t>(at);
          at += 8;
        }
      }
    }
    at = end;
  }
  return {};
}

}  // namespace

bool ZipArchive::looks_like(std::span<const uint8_t> bytes) {
  return bytes.size() >= 4 && Bytes(bytes).get<uint32_t>(0) == kLocalSignature;
}

Result<ZipArchive> ZipArchive::open(std::span<const uint8_t> raw) {
  const Bytes bytes(raw);
  const auto directory = find_directory(bytes);
  if (!directory) {
    return directory.error();
  }
  ZipArchive archive;
  const uint64_t end = directory->offset + directory->size;
  uint64_t at = directory->offset;
  for (uint64_t i = 0; i < directory->entries; ++i) {
    if (at + kDirectoryEntrySize > end || bytes.get<uint32_t>(at) != kDirectorySignature) {
      return bad(fmt::format("directory entry {} is damaged", i));
    }
    const auto flags = bytes.get<uint16_t>(at + 8);
    const auto method = bytes.get<uint16_t>(at + 10);
    Extent extent{bytes.get<uint32_t>(at + 24), bytes.get<uint32_t>(at + 20), bytes.get<uint32_t>(at + 42)};
    const uint64_t name_size = bytes.get<uint16_t>(at + 28);
    const uint64_t extra_size = bytes.get<uint16_t>(at + 30);
    const uint64_t comment_size = bytes.get<uint16_t>(at + 32);
    const uint64_t next = at + kDirectoryEntrySize + name_size + extra_size + comment_size;
    if (next > end) {
      return bad(fmt::format("directory entry {} is damaged", i));
    }
    const auto name_bytes = bytes.range(at + kDirectoryEntrySize, name_size);
    std::string name(name_bytes.begin(), name_bytes.end());
    const auto fail = [&](std::string_view what) { return bad(fmt::format("{} {}", printable(name), what)); };

    const Status widened =
        widen(Bytes(bytes.range(at + kDirectoryEntrySize + name_size, extra_size)), extent);
    if (!widened) {
      return widened.error();
    }
    if ((flags & 1U) != 0) {
      return fail("is encrypted");
    }
    if (method != 0 && method != Z_DEFLATED) {
      return fail(fmt::format("is compressed with method {}, only stored and deflated are read", method));
    }
    // Everything an entry owns lies before the directory. Name and extra field of the local header may differ
    // in length from the directory's.
    if (!bytes.has(extent.offset, kLocalSize) || bytes.get<uint32_t>(extent.offset) != kLocalSignature) {
      return fail("is not where the directory says");
    }
    const uint64_t content = extent.offset + kLocalSize + bytes.get<uint16_t>(extent.offset + 26) +
                             bytes.get<uint16_t>(extent.offset + 28);
    if (content > directory->offset || extent.packed > directory->offset - content) {
      return fail("reaches past the directory");
    }
    if (method == 0 && extent.packed != extent.size) {
      return fail("is stored, but has two sizes");
    }
    const ZipEntry entry{method == Z_DEFLATED, bytes.get<uint32_t>(at + 16), extent.size,
                         bytes.range(content, extent.packed)};
    if (!archive.entries_.emplace(name, entry).second) {
      return fail("is there twice");
    }
    at = next;
  }
  return archive;
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

namespace {

// `size` bytes, no more and no fewer, to the front of `out`.
Status inflate_into(std::span<const uint8_t> payload, uint64_t size, std::vector<uint8_t>& out) {
  constexpr uint64_t kMaxStep = std::numeric_limits<uInt>::max();
  z_stream stream{};
  constexpr int kRawDeflate = -MAX_WBITS;
  if (inflateInit2(&stream, kRawDeflate) != Z_OK) {
    return bad("zlib could not start");
  }
  uint64_t read = 0;
  uint64_t written = 0;
  int state = Z_OK;
  while (state == Z_OK) {
    // zlib takes a pointer to non-const but does not write through next_in.
    stream.next_in = const_cast<uint8_t*>(payload.data()) + read;
    stream.avail_in = static_cast<uInt>(std::min(kMaxStep, payload.size() - read));
    stream.next_out = out.data() + written;
    stream.avail_out = static_cast<uInt>(std::min(kMaxStep, size - written));
    const uInt had_in = stream.avail_in;
    const uInt had_out = stream.avail_out;
    state = inflate(&stream, Z_NO_FLUSH);
    read += had_in - stream.avail_in;
    written += had_out - stream.avail_out;
  }
  inflateEnd(&stream);
  if (state != Z_STREAM_END || written != size) {
    return bad("deflated data are damaged or not as long as claimed");
  }
  return {};
}

uint32_t crc_of(std::span<const uint8_t> bytes) {
  return static_cast<uint32_t>(crc32_z(crc32_z(0, nullptr, 0), bytes.data(), bytes.size()));
}

}  // namespace

Result<std::span<const uint8_t>> read_entry(const ZipEntry& entry, uint64_t limit,
                                            std::vector<uint8_t>& buffer) {
  buffer.clear();
  std::span<const uint8_t> content = entry.payload;
  if (entry.deflated) {
    if (entry.size > limit) {
      return bad(fmt::format("an entry claims {} bytes uncompressed, the limit is {}", entry.size, limit));
    }
    if (entry.size / kMaxDeflateRatio > entry.payload.size()) {
      return bad(fmt::format("{} bytes cannot inflate to {} (zip bomb?)", entry.payload.size(), entry.size));
    }
    buffer.resize(std::max<uint64_t>(entry.size, 1));  // zlib wants a place to write even if there is nothing
    if (const Status done = inflate_into(entry.payload, entry.size, buffer); !done) {
      buffer.clear();
      return done.error();
    }
    content = std::span<const uint8_t>(buffer).first(entry.size);
  } else if (entry.size > limit) {
    return bad(fmt::format("an entry has {} bytes, the limit is {}", entry.size, limit));
  }
  if (crc_of(content) != entry.crc) {
    return bad("an entry's checksum is wrong (damaged file)");
  }
  return content;
}

}  // namespace compass
