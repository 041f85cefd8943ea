#include "eval/peers/shvc_layers.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "eval/peers/program_codec.h"
#include "eval/peers/ycbcr.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

constexpr int kCodingUnit = 8;

std::vector<std::string> words_of(const std::string& command) {
  std::istringstream in(command);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

// Planar 4:2:0, chroma the mean of 2x2 pixels.
std::vector<uint8_t> to_yuv420(const Picture& picture) {
  const auto [width, height] = picture.size;
  std::vector<uint8_t> yuv;
  yuv.reserve(static_cast<size_t>(width) * height * 3 / 2);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) yuv.push_back(to_byte(ycbcr_of(picture.pixel(y, x))[0]));
  }
  for (const int plane : {1, 2}) {
    for (int y = 0; y < height; y += 2) {
      for (int x = 0; x < width; x += 2) {
        double sum = 0.0;
        for (const int dy : {0, 1}) {
          for (const int dx : {0, 1}) sum += ycbcr_of(picture.pixel(y + dy, x + dx))[plane];
        }
        yuv.push_back(to_byte(sum / 4.0));
      }
    }
  }
  return yuv;
}

// Chroma is interpolated linearly between the centres of its 2x2 pixels.
Picture from_yuv420(std::span<const uint8_t> yuv, Size size) {
  Picture picture(size);
  const int wide = size.width / 2, high = size.height / 2;
  const size_t luma_size = static_cast<size_t>(size.width) * size.height;
  const auto chroma = [&](int plane, int y, int x) {
    const uint8_t* samples = yuv.data() + luma_size + (plane - 1) * luma_size / 4;
    const auto at = [&](int row, int column) {
      return static_cast<double>(samples[static_cast<size_t>(std::clamp(row, 0, high - 1)) * wide +
                                         std::clamp(column, 0, wide - 1)]);
    };
    // The nearest sample weighs 3/4 along each axis, the next one on the pixel's other side 1/4.
    const int row = y / 2, column = x / 2;
    const int other_row = y % 2 == 0 ? row - 1 : row + 1, other_column = x % 2 == 0 ? column - 1 : column + 1;
    return (9.0 * at(row, column) + 3.0 * at(other_row, column) + 3.0 * at(row, other_column) +
            at(other_row, other_column)) /
           16.0;
  };
  for (int y = 0; y < size.height; ++y) {
    for (int x = 0; x < size.width; ++x) {
      const double luma = yuv[static_cast<size_t>(y) * size.width + x];
      rgb_of(luma, chroma(1, y, x), chroma(2, y, x), picture.pixel(y, x));
    }
  }
  return picture;
}

class ShvcLayers : public EvaluatedCodec {
 public:
  ShvcLayers(std::vector<std::string> encoder, std::vector<std::string> decoder, std::string version)
      : encoder_(std::move(encoder)), decoder_(std::move(decoder)), version_(std::move(version)) {}

  std::string name() const override { return "shvc"; }
  StreamKind kind() const override { return StreamKind::kScalable; }
  std::string version() const override { return version_ + "; " + how(); }
  std::string how() const override {
    return fmt::format("{}, QP {{}} in all layers; {}; 4:2:0 full-range BT.601, decoded once for all layers",
                       fmt::join(encoder_, " "), fmt::join(decoder_, " "));
  }
  std::vector<std::string> settings() const override { return {"42", "37", "32", "27", "22"}; }

  Status accepts(const std::vector<Size>& sizes) const override {
    for (const Size& size : sizes) {
      if (size.width % kCodingUnit != 0 || size.height % kCodingUnit != 0) {
        return Error{ErrorCode::kUsage, fmt::format("shvc: {}x{}: sides must be multiples of {}", size.width,
                                                    size.height, kCodingUnit)};
      }
    }
    return {};
  }

  Result<Coded> run(const std::vector<Picture>& originals, const std::string& setting,
                    const std::string& directory) const override {
    const std::vector<Size> sizes = sizes_of(originals);
    if (const Status status = accepts(sizes); !status) return status.error();
    const std::string file = directory + "/coded.bin";
    std::vector<std::string> encode = encoder_, decode = decoder_;
    encode.insert(encode.end(), {"-b", file, "-f", "1"});
    decode.insert(decode.end(), {"-b", file});
    const auto path = [&](const char* what, size_t k) {
      return fmt::format("{}/{}{}.yuv", directory, what, k);
    };
    for (size_t k = 0; k < originals.size(); ++k) {
      const std::vector<uint8_t> yuv = to_yuv420(originals[k]);
      if (const Status s = write_file(path("original", k), yuv.data(), yuv.size()); !s) return s.error();
      const auto option = [k](const char* name) { return fmt::format("-{}{}", name, k); };
      encode.insert(encode.end(), {option("i"), path("original", k), option("wdt"),
                                   std::to_string(sizes[k].width), option("hgt"),
                                   std::to_string(sizes[k].height), option("fr"), "1", option("q"), setting});
      decode.insert(decode.end(), {option("o"), path("decoded", k)});
    }
    const Result<ProcessResult> encoded = run_process(encode);
    if (!encoded) return encoded.error();
    const Result<ProcessResult> decoded = run_process(decode);
    if (!decoded) return decoded.error();

    Coded coded;
    coded.encode_seconds = encoded->seconds;
    coded.encode_peak_kib = encoded->peak_kib;
    coded.decode_peak_kib = decoded->peak_kib;
    const Result<std::vector<uint8_t>> stream = read_file(file);
    if (!stream) return stream.error();
    const Result<std::vector<uint64_t>> bytes = shvc_layer_bytes(*stream, originals.size());
    if (!bytes) return bytes.error();
    for (size_t k = 0; k < originals.size(); ++k) {
      const Result<std::vector<uint8_t>> yuv = read_file(path("decoded", k));
      const size_t expected = static_cast<size_t>(sizes[k].pixels()) * 3 / 2;
      if (!yuv || yuv->size() != expected) {
        return Error{
            ErrorCode::kFailure,
            fmt::format("shvc: the decoder gave {} bytes for layer {}, not {}; every layer must be an "
                        "output layer, 8 bits, 4:2:0",
                        yuv ? yuv->size() : 0, k, expected)};
      }
      coded.layers.push_back({(*bytes)[k], from_yuv420(*yuv, sizes[k]), decoded->seconds});
    }
    return coded;
  }

 private:
  std::vector<std::string> encoder_;
  std::vector<std::string> decoder_;
  std::string version_;
};

}  // namespace

Result<std::vector<uint64_t>> shvc_layer_bytes(std::span<const uint8_t> stream, size_t layers) {
  // Where units begin: at 0 0 1, or at the zero before it.
  std::vector<std::pair<size_t, int>> units;  // first byte, nuh_layer_id
  for (size_t i = 0; i + 4 < stream.size(); ++i) {
    if (stream[i] != 0 || stream[i + 1] != 0 || stream[i + 2] != 1) continue;
    const int layer = (stream[i + 3] & 1) << 5 | stream[i + 4] >> 3;
    units.emplace_back(i > 0 && stream[i - 1] == 0 ? i - 1 : i, layer);
    i += 4;
  }
  if (units.empty() || units.front().first != 0) {
    return Error{ErrorCode::kBadFile, "shvc: the encoder's file is no Annex B stream"};
  }
  std::map<int, uint64_t> own;  // by nuh_layer_id, rising
  for (size_t u = 0; u < units.size(); ++u) {
    const size_t end = u + 1 < units.size() ? units[u + 1].first : stream.size();
    own[units[u].second] += end - units[u].first;
  }
  if (own.size() != layers) {
    return Error{ErrorCode::kBadFile, fmt::format("shvc: the encoder's file has {} layers instead of {}: see "
                                                  "NumLayers in its configuration",
                                                  own.size(), layers)};
  }
  std::vector<uint64_t> sums;
  sums.reserve(own.size());
  for (const auto& [layer, bytes] : own) sums.push_back((sums.empty() ? 0 : sums.back()) + bytes);
  return sums;
}

Result<std::shared_ptr<const EvaluatedCodec>> make_shvc_layers(const ShvcPrograms& programs) {
  std::vector<std::string> encoder = words_of(programs.encoder), decoder = words_of(programs.decoder);
  if (encoder.empty() || decoder.empty()) {
    return Error{ErrorCode::kIo,
                 "shvc: name SHM's programs with --shvc-encoder and --shvc-decoder (build them from "
                 "https://vcgit.hhi.fraunhofer.de/jvet/SHM)"};
  }
  for (const std::string& program : {encoder.front(), decoder.front()}) {
    if (find_program(program).empty()) {
      return Error{ErrorCode::kIo, fmt::format("shvc: there is no program '{}'", program)};
    }
  }
  std::string version = first_line_of({encoder.front(), "--help"});
  return std::shared_ptr<const EvaluatedCodec>(
      std::make_shared<ShvcLayers>(std::move(encoder), std::move(decoder), std::move(version)));
}

}  // namespace compass::eval
