// Zip archives as PyTorch writes them: the directory is read and checked, entries are read on demand.
//
// Only what such files need: stored and deflated entries, zip64. Encrypted, split and otherwise compressed
// archives are refused.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace compass {

struct ZipEntry {
  bool deflated = false;
  uint32_t crc = 0;                  // CRC-32 of the content
  uint64_t size = 0;                 // of the content; an unchecked claim if deflated
  std::span<const uint8_t> payload;  // as it lies in the archive; the content itself unless deflated
};

class ZipArchive {
 public:
  // Whether the bytes begin like a zip archive.
  static bool looks_like(std::span<const uint8_t> bytes);

  // Reads the directory; `bytes` must outlive the archive. Errors: kBadFile.
  static Result<ZipArchive> open(std::span<const uint8_t> bytes);

  const std::map<std::string, ZipEntry, std::less<>>& entries() const { return entries_; }
  const ZipEntry* find(std::string_view name) const;  // null if absent

 private:
  std::map<std::string, ZipEntry, std::less<>> entries_;
};

// The entry's content, checked against its CRC. A stored entry is not copied: the result views the archive,
// and `buffer` stays empty. A deflated one is inflated into `buffer`. Errors: kBadFile: damaged, or its
// content is larger than `limit` bytes or than deflate can produce from the payload (found out before
// anything is allocated).
Result<std::span<const uint8_t>> read_entry(const ZipEntry& entry, uint64_t limit,
                                            std::vector<uint8_t>& buffer);

}  // namespace compass
