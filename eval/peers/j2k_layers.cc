#include "eval/peers/j2k_layers.h"

#include <fmt/format.h>

#include "eval/peers/program_codec.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

constexpr int kResolutions = 6;      // opj_compress's default: five wavelet levels
constexpr int kPacketsPerLevel = 3;  // one quality layer, three components, one precinct (up to 32768 pixels)
constexpr const char* kLosslessRatio = "1";

class J2kLayers : public EvaluatedCodec {
 public:
  J2kLayers(PictureFiles files, std::string version)
      : files_(std::move(files)), version_(std::move(version)) {}

  std::string name() const override { return "j2k"; }
  StreamKind kind() const override { return StreamKind::kScalable; }
  std::string version() const override { return version_ + "; " + how(); }
  std::string how() const override {
    return "opj_compress -i {in} -o {out} -I -r {} -p RLCP -PLT; opj_decompress -i {prefix} -o {out} -r "
           "{halvings} -allow-partial";
  }
  std::vector<std::string> settings() const override { return {"240", "160", "120", "80", "48", "32", "24"}; }
  std::optional<std::string> ceiling() const override { return kLosslessRatio; }

  Status accepts(const std::vector<Size>& sizes) const override {
    if (sizes.size() > static_cast<size_t>(kResolutions)) {
      return Error{ErrorCode::kUsage,
                   fmt::format("j2k: {} layers, the files have {} resolutions", sizes.size(), kResolutions)};
    }
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      const Size half{(sizes[i + 1].width + 1) / 2, (sizes[i + 1].height + 1) / 2};
      if (sizes[i] != half) {
        return Error{ErrorCode::kUsage, "j2k: one stream holds only halves of the picture's size"};
      }
    }
    return {};
  }

  Result<Coded> run(const std::vector<Picture>& originals, const std::string& setting,
                    const std::string& directory) const override {
    if (Status status = accepts(sizes_of(originals)); !status) return status.error();

    const std::string input = directory + "/original.ppm";
    const std::string file = directory + "/coded.j2k";
    if (Status status = files_.write(originals.back(), input); !status) return status.error();
    const Result<ProcessResult> encoded =
        run_process({"opj_compress", "-i", input, "-o", file, "-I", "-r", setting, "-p", "RLCP", "-PLT"});
    if (!encoded) return encoded.error();
    const Result<std::vector<uint8_t>> bytes = read_file(file);
    if (!bytes) return bytes.error();
    const Result<std::vector<uint64_t>> ends = j2k_resolution_ends(*bytes, kResolutions, kPacketsPerLevel);
    if (!ends) return ends.error();

    Coded coded;
    coded.encode_seconds = encoded->seconds;
    coded.encode_peak_kib = encoded->peak_kib;
    for (size_t layer = 0; layer < originals.size(); ++layer) {
      const size_t halvings = originals.size() - 1 - layer;
      const bool whole = halvings == 0;
      const uint64_t size = whole ? bytes->size() : (*ends)[kResolutions - 1 - halvings];
      const std::string prefix = directory + "/prefix.j2k";
      const std::string output = directory + "/decoded.ppm";
      if (Status status = write_file(prefix, bytes->data(), size); !status) return status.error();
      const Result<ProcessResult> decoded = run_process(
          {"opj_decompress", "-i", prefix, "-o", output, "-r", std::to_string(halvings), "-allow-partial"});
      if (!decoded) return decoded.error();
      Result<Picture> picture = files_.read(output);
      if (!picture) return picture.error();
      coded.decode_peak_kib = std::max(coded.decode_peak_kib, decoded->peak_kib);
      coded.layers.push_back({size, std::move(*picture), decoded->seconds});
    }
    return coded;
  }

 private:
  PictureFiles files_;
  std::string version_;
};

Error malformed(const char* what) {
  return {ErrorCode::kBadFile, fmt::format("j2k codestream: {}", what)};
}

}  // namespace

Result<std::vector<uint64_t>> j2k_resolution_ends(std::span<const uint8_t> codestream, int resolutions,
                                                  int packets) {
  const auto word = [&](size_t at) {
    return static_cast<unsigned>(codestream[at] << 8 | codestream[at + 1]);
  };
  constexpr unsigned kSoc = 0xFF4F;
  constexpr unsigned kPlt = 0xFF58;
  constexpr unsigned kSod = 0xFF93;
  if (codestream.size() < 4 || word(0) != kSoc) return malformed("does not begin with SOC");
  std::vector<uint64_t> lengths;
  uint64_t length = 0;
  size_t at = 2;
  while (true) {
    if (at + 4 > codestream.size()) return malformed("ends inside its headers");
    const unsigned marker = word(at);
    if (marker == kSod) break;
    const size_t segment = word(at + 2);
    if (segment < 2 || at + 2 + segment > codestream.size()) return malformed("has a marker of wrong length");
    if (marker == kPlt) {
      // Lplt (2 bytes), Zplt (1), then lengths in groups of seven bits, high bit set on all but the last.
      for (size_t i = at + 5; i < at + 2 + segment; ++i) {
        if (length >> 48 != 0) return malformed("has a packet of absurd length");
        length = length << 7 | (codestream[i] & 0x7FU);
        if ((codestream[i] & 0x80U) != 0) continue;
        lengths.push_back(length);
        length = 0;
      }
    }
    at += 2 + segment;
  }
  if (lengths.size() != static_cast<size_t>(resolutions) * packets) {
    return malformed(lengths.empty() ? "has no packet lengths" : "has another number of packets");
  }
  std::vector<uint64_t> ends;
  uint64_t end = at + 2;
  for (size_t i = 0; i < lengths.size(); ++i) {
    end += lengths[i];
    if ((i + 1) % packets == 0) ends.push_back(end);
  }
  if (end > codestream.size()) return malformed("is shorter than its packets");
  return ends;
}

Result<std::shared_ptr<const EvaluatedCodec>> make_j2k_layers(PictureFiles files) {
  for (const char* program : {"opj_compress", "opj_decompress"}) {
    if (find_program(program).empty()) {
      return Error{ErrorCode::kIo,
                   fmt::format("j2k: {} is not on the PATH (Debian: apt install libopenjp2-tools)", program)};
    }
  }
  std::string version = first_line_of({"sh", "-c", "opj_compress -h | sed -n 's/.*against //p'"});
  return std::shared_ptr<const EvaluatedCodec>(
      std::make_shared<J2kLayers>(std::move(files), std::move(version)));
}

}  // namespace compass::eval
