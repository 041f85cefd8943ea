// Measurements as rows, in and out of CSV, and the mean curves drawn from them.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/result.h"
#include "eval/bdrate.h"
#include "eval/perceptual.h"

namespace compass::eval {

// How the layers of a row share bytes.
inline constexpr const char* kOneStream = "one stream";  // lower layers are part of the file
inline constexpr const char* kSimulcast = "simulcast";   // one file per size, added up
inline constexpr const char* kSingle = "single";         // this layer's file alone
inline constexpr const char* kCeiling = "ceiling";       // all the bits: what the codec could reach at most

// One picture, codec, setting and layer.
struct Row {
  std::string image;
  std::string codec;
  std::string scheme;  // one of the above
  std::string layout;
  std::string setting;
  int layer = 0;   // 0 is the lowest
  int layers = 1;  // in this layout
  int width = 0;   // of this layer
  int height = 0;
  uint64_t bytes = 0;        // of this layer's own part
  uint64_t bytes_total = 0;  // up to and including this layer: whole files, headers and all
  double psnr = 0;           // dB, RGB
  std::optional<double> ms_ssim = std::nullopt;  // absent where the layer is too small for it
  double encode_seconds = 0;                     // of everything bytes_total counts
  double decode_seconds = 0;                     // of this layer, with whatever it needs below it
  uint64_t encode_peak_kib = 0;                  // 0: not measured
  uint64_t decode_peak_kib = 0;
  PerceptualValues seen;  // if they were asked for

  double pixels() const { return static_cast<double>(width) * height; }
  double bpp() const { return 8.0 * static_cast<double>(bytes_total) / pixels(); }
};

// Something that was asked for and is not there.
struct Failure {
  std::string what;  // "kodim05.png, jxl at 3, 384x256"
  std::string why;
  bool operator==(const Failure&) const = default;
};

struct Results {
  std::map<std::string, std::string> facts;  // "commit", "machine", "model", "how: jxl" and the like
  std::vector<Row> rows;
  std::vector<Failure> failures;
};

// CSV with the facts as "# key: value" lines and the failures as "# failed: what | why" above the header.
std::string to_csv(const Results& results);
Result<Results> results_from_csv(const std::string& text, const std::string& name);

// Adds other measurements of the same pictures; of facts that differ both stay, "a; b". Errors: kUsage (other
// pictures, or a codec's layout that is there already), with `name` as that of `more`.
Status add_results(Results& results, Results more, const std::string& name);

// One curve: a codec's mean over pictures for one layer of one layout.
struct CurveKey {
  std::string codec;
  std::string scheme;
  std::string layout;
  int layer = 0;
  auto operator<=>(const CurveKey&) const = default;
};

// Means over pictures: bits per pixel of the layer and dB, each averaged as it is (the field's convention).
struct CurvePoint {
  std::string setting;
  double bpp = 0;
  double psnr = 0;
  std::optional<double> ms_ssim = std::nullopt;
  double encode_seconds_per_mp = 0;  // per million pixels of this layer
  double decode_seconds_per_mp = 0;
  uint64_t encode_peak_kib = 0;  // largest over pictures
  uint64_t decode_peak_kib = 0;
  PerceptualValues seen;  // means, of what every picture has
};

struct Curve {
  CurveKey key;
  std::vector<CurvePoint> points;  // by rising rate
  std::set<std::string> images;    // averaged over: those that have every setting of the curve

  RdCurve rd() const;
};

// The curves of all rows (ceilings left out), over each curve's own images or over `images` only.
std::vector<Curve> mean_curves(const std::vector<Row>& rows, const std::set<std::string>* images = nullptr);

// BD-rate of `test` against `anchor` over the pictures that both have. Errors as bd_rate's, and kUsage with
// the message kNotMeasured if a curve is absent.
inline constexpr const char* kNotMeasured = "not measured";
Result<BdValue> bd_rate_between(const std::vector<Row>& rows, const CurveKey& anchor, const CurveKey& test,
                                Interpolation interpolation);

}  // namespace compass::eval
