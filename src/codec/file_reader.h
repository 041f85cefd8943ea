// Reads a file while its bytes arrive: says what it needs, and decodes the layers that are there, each from
// the picture that is kept of the one below.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "codec/arrived_bytes.h"
#include "codec/progressive.h"

namespace compass {

class FileReader {
 public:
  using Read = CallbackSource::Read;

  // `runtime` must outlive the reader. Without `read`, bytes are pushed.
  explicit FileReader(CodecRuntime& runtime, Read read = {}) : runtime_(runtime), read_(std::move(read)) {}

  // Bytes that arrive, from `offset` on; in any order, and again if need be.
  void push(uint64_t offset, std::span<const uint8_t> bytes) { arrived_.add(offset, bytes); }
  // No more will come: what is missing counts as damage from now on.
  void end() { ended_ = true; }

  // In what follows the error kNeed says that bytes are missing; the first need() bytes of the file would do.
  uint64_t need() const { return need_; }

  // The header, whatever it says. Errors: kNeed, kBadFile, kIo.
  Result<const ContainerHeader*> header();
  // Errors: also kDamaged.
  Result<std::vector<MetadataChunk>> metadata();
  // What decoding with these settings reads beside header and metadata, sorted and merged. Needs the index of
  // the layers that are tiled. Errors: as Progressive::open, kNeed, kDamaged (an index).
  Result<std::vector<ByteRange>> ranges(const DecodeSettings& settings);
  // How many of the file's first bytes hold all of that. Needs indexes only for a region.
  Result<uint64_t> bytes_for(const DecodeSettings& settings);

  // Begins again at the base layer, with other settings. What they ask for is checked by the calls that need
  // the header.
  void select(const DecodeSettings& settings);
  // The layer that next_layer() decodes; none: there are no more. Errors: as Progressive::open, kNeed (the
  // header).
  Result<std::optional<LayerPart>> next();
  bool is_last() const { return layers_ && given_ >= layers_->last(); }  // whether it is the last one
  // Whether all its bytes are there. Errors: the same.
  Result<bool> is_ready();
  // Decodes it; only if there is one. Errors: as Progressive::decode_next, and kNeed. After kDamaged there
  // are no more; after any other error, or an exception, the call may be made again, and then decodes the
  // layers below once more.
  Result<DecodedLayer> next_layer(PixelSink* sink, const Progress& progress = {});

 private:
  Status open();
  Error needs(uint64_t bytes);
  Status require(const std::vector<ByteRange>& ranges);
  Result<std::vector<uint8_t>> fetch(ByteRange range);
  Result<std::vector<ByteRange>> layer_ranges(const Receiver& receiver, int k);
  std::unique_ptr<ByteSource> source() const;

  CodecRuntime& runtime_;
  Read read_;
  ArrivedBytes arrived_;
  bool ended_ = false;
  uint64_t need_ = 0;
  std::optional<ContainerHeader> header_;
  DecodeSettings settings_;
  std::unique_ptr<ByteSource> source_;
  std::unique_ptr<Progressive> layers_;  // null: not begun
  int given_ = 0;                        // layers
  bool lost_ = false;                    // the one after them is
};

}  // namespace compass
