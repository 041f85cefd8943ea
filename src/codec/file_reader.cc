#include "codec/file_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace compass {

std::unique_ptr<ByteSource> FileReader::source() const {
  if (read_) return std::make_unique<CallbackSource>(read_);
  return std::make_unique<ArrivedSource>(arrived_);
}

Error FileReader::needs(uint64_t bytes) {
  need_ = bytes;
  return {ErrorCode::kNeed, fmt::format("the file's first {} bytes are needed", bytes)};
}

// That bytes are there, or as much of them as will ever come.
Status FileReader::require(const std::vector<ByteRange>& ranges) {
  if (read_ || ended_) return {};
  uint64_t end = 0;
  for (const ByteRange& range : ranges) {
    if (!arrived_.has(range)) end = std::max(end, range.end());
  }
  if (end > 0) return needs(end);
  return {};
}

// Fewer bytes at the end.
Result<std::vector<uint8_t>> FileReader::fetch(ByteRange range) {
  if (const auto there = require({range}); !there) return there.error();
  std::vector<uint8_t> bytes;
  if (!read_) {
    const auto have = arrived_.from(range.offset);
    const auto part = have.first(std::min<uint64_t>(have.size(), range.bytes));
    bytes.assign(part.begin(), part.end());
    return bytes;
  }
  constexpr uint64_t kStep = uint64_t{1} << 20;  // memory grows with what there is, not with what is claimed
  while (bytes.size() < range.bytes) {
    const size_t before = bytes.size();
    bytes.resize(before + std::min(range.bytes - before, kStep));
    const auto got = read_(range.offset + before, std::span(bytes).subspan(before));
    if (!got) return got.error();
    const bool at_end = before + *got < bytes.size();
    bytes.resize(before + *got);
    if (at_end) break;
  }
  return bytes;
}

Result<const ContainerHeader*> FileReader::header() {
  ContainerLimits limits;
  limits.max_pixels = std::numeric_limits<uint64_t>::max();
  for (size_t have = 0; !header_;) {
    const auto bytes = fetch({0, have});
    if (!bytes) return bytes.error();
    if (bytes->size() < have) {
      return Error{
          ErrorCode::kBadFile,
          fmt::format("ends after {} bytes, inside the header: not a whole .cmps file", bytes->size())};
    }
    auto parsed = parse_header(*bytes, limits);
    if (!parsed) return parsed.error();
    have = parsed->need;
    header_ = std::move(parsed->header);
  }
  return &*header_;
}

Result<std::vector<MetadataChunk>> FileReader::metadata() {
  const auto known = header();
  if (!known) return known.error();
  const auto block = fetch({header_->bytes, header_->metadata_bytes()});
  if (!block) return block.error();
  return read_metadata(*header_, *block);
}

// All of layer k that `receiver` reads. Errors: kDamaged (an index), kNeed (it has not arrived).
Result<std::vector<ByteRange>> FileReader::layer_ranges(const Receiver& receiver, int k) {
  return receiver.layer_ranges(k, [this](ByteRange range) { return fetch(range); });
}

Result<std::vector<ByteRange>> FileReader::ranges(const DecodeSettings& settings) {
  if (const auto known = header(); !known) return known.error();
  const auto from = source();
  Receiver receiver(*from, runtime_.synthesis, runtime_.networks, runtime_.options);
  if (const auto status = receiver.open(settings); !status) return status.error();
  std::vector<ByteRange> all;
  for (int k = 0; k <= receiver.received().asked; ++k) {
    const auto ranges = layer_ranges(receiver, k);
    if (!ranges) return ranges.error();
    all.insert(all.end(), ranges->begin(), ranges->end());
  }
  return merged(std::move(all));
}

Result<uint64_t> FileReader::bytes_for(const DecodeSettings& settings) {
  if (settings.region) {
    const auto all = ranges(settings);
    if (!all) return all.error();
    return all->empty() ? header_->bytes : all->back().end();  // a layer may hold no byte at all
  }
  if (const auto known = header(); !known) return known.error();
  const auto from = source();
  Receiver receiver(*from, runtime_.synthesis, runtime_.networks, runtime_.options);
  if (const auto status = receiver.open(settings); !status) return status.error();
  return header_->layers[receiver.received().asked].end();
}

void FileReader::select(const DecodeSettings& settings) {
  settings_ = settings;
  layers_.reset();
  given_ = 0;
  lost_ = false;
}

Status FileReader::open() {
  if (layers_) return {};
  if (const auto known = header(); !known) return known.error();
  source_ = source();
  auto layers = std::make_unique<Progressive>(runtime_, *source_);
  if (const auto status = layers->open(settings_); !status) return status;
  layers_ = std::move(layers);
  return {};
}

Result<std::optional<LayerPart>> FileReader::next() {
  using Part = std::optional<LayerPart>;
  if (const auto opened = open(); !opened) return opened.error();
  return lost_ || given_ > layers_->last() ? Part() : Part(layers_->part_of(given_));
}

Result<bool> FileReader::is_ready() {
  const auto part = next();
  if (!part) return part.error();
  if (!*part) return false;
  if (read_ || ended_) return true;
  const auto ranges = layer_ranges(layers_->receiver(), given_);
  const Status there = ranges ? require(*ranges) : Status(ranges.error());
  if (there || there.error().code == ErrorCode::kDamaged) return true;  // decoding it will say so
  if (there.error().code == ErrorCode::kNeed) return false;
  return there.error();
}

Result<DecodedLayer> FileReader::next_layer(PixelSink* sink, const Progress& progress) {
  const auto ready = is_ready();
  if (!ready) return ready.error();
  if (!*ready) return needs(need_);
  try {
    while (layers_->next() < given_) {
      if (const auto again = layers_->decode_next(nullptr, progress); !again) {
        layers_.reset();
        return again.error();
      }
    }
    auto decoded = layers_->decode_next(sink, progress);
    if (decoded) {
      ++given_;
    } else if (decoded.error().code == ErrorCode::kDamaged) {
      lost_ = true;
    } else {
      layers_.reset();
    }
    return decoded;
  } catch (...) {
    layers_.reset();
    throw;
  }
}

}  // namespace compass
