// Measurements kept between runs: one small JSON file each, named by the hash of what determines it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/result.h"
#include "eval/perceptual.h"

namespace compass::eval {

// What one encoding and its decodings came to. Layers lowest first.
struct Measurement {
  struct Layer {
    uint64_t bytes = 0;  // from the start of the file
    double psnr = 0;
    std::optional<double> ms_ssim;
    double decode_seconds = 0;
    PerceptualValues seen;
  };
  std::vector<Layer> layers;
  double encode_seconds = 0;
  uint64_t encode_peak_kib = 0;
  uint64_t decode_peak_kib = 0;
};

class Cache {
 public:
  // Errors: kIo.
  static Result<Cache> open(const std::string& directory);

  // `key` is any text. A damaged or foreign file counts as absent.
  std::optional<Measurement> find(const std::string& key, size_t layers) const;
  // Written whole or not at all. Failures are ignored: the measurement is then repeated in a later run.
  void store(const std::string& key, const Measurement& measurement) const;

  // Where something else that belongs to the key can be kept: a path with this ending.
  std::string path(const std::string& key, const std::string& ending) const;

 private:
  explicit Cache(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
};

}  // namespace compass::eval
