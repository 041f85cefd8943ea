// The description of a model's networks: the JSON object of docs/model_format.md as a value.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "graph/op.h"

namespace compass {

// How a target pixel finds its source pixel in LIFF.
enum class NearestRule {
  kInteger,    // floor((2i+1)*m / (2n))
  kReference,  // the fp32 arithmetic of the authors' implementation
};

// Which sizes make LIFF's scale token.
enum class ScaleToken {
  kOwn,    // each layer's own, as the paper says
  kFirst,  // enhancement layer 1's for every layer, as the authors' training code has it
};

// How z is rounded.
enum class Quantise {
  kMedians,  // z_hat = round(z - median) + median
  kInteger,  // z_hat = round(z)
};

// How y is quantised dependently (entropy/trellis.h). Step and scales grow together where a file's quality is
// low: `coarser_below` lists the qualities, falling, below each of which both are one scale index coarser.
struct TrellisDescription {
  double step = 0.0;  // D: two quantisers of steps of 2 D
  std::vector<double> coarser_below;
};

// One mean-scale hyperprior codec (Minnen et al., 2018), residual or conditional for enhancement layers.
struct CodecDescription {
  int channels = 3;         // of the picture
  int latent_channels = 0;  // M, of y
  int hyper_channels = 0;   // of z
  Quantise quantise = Quantise::kInteger;
  std::vector<nn::Op> g_a, g_s, h_a, h_s;
  std::vector<nn::Op> h_scales;               // empty: h_s gives [scales; means] in floats
  std::optional<int> filter;                  // the loop filter's directions; none: no filter
  std::optional<TrellisDescription> trellis;  // none: y is rounded to whole numbers
};

// Local implicit filter function: residual dense network, then a per-pixel MLP that makes pixel weights.
struct LiffDescription {
  int g0 = 0;      // feature channels
  int blocks = 0;  // residual dense blocks
  int convs = 0;   // per block
  int growth = 0;
  std::vector<int> hidden;  // widths of the MLP's hidden layers
  bool bicubic_residual = false;
};

struct Description {
  std::string name;
  NearestRule nearest = NearestRule::kInteger;
  ScaleToken scale_token = ScaleToken::kOwn;
  std::vector<double> rate_points;  // lambdas, rising; at least one
  CodecDescription base;
  std::optional<CodecDescription> enhancement;  // both or neither
  std::optional<LiffDescription> liff;
  std::string provenance;  // JSON text, "{}" if absent
  std::string canonical;   // the description's JSON without provenance, keys sorted, no blanks
};

// Reads and checks a description: values lie within the limits below, each op takes as many channels as the
// one before it gives, and each synthesis network mirrors its analysis network. Unknown fields are errors, so
// that a misspelt one does not pass for absent. Errors: kModel with the place ("base.g_a.3.kernel: ...").
Result<Description> parse_description(std::string_view json);

// The text that parse_description reads.
std::string to_json(const Description& description);

// What of a description decoding depends on, as the texts that docs/model_format.md specifies ("Ids"): all
// but the name, provenance, lambdas, and the analysis networks, of which only the steps count by which they
// make a picture smaller. The first is what base layers take, the second what enhancement layers take beside
// it; that is empty if the model has none.
std::string base_decoder_text(const Description& description);
std::string upper_decoder_text(const Description& description);

// Limits of a description. Wide enough for any published network of this kind.
inline constexpr size_t kMaxDescriptionBytes = size_t{1} << 20;
inline constexpr int kMaxOps = 64;         // per network
inline constexpr int kMaxChannels = 2048;  // of any map
inline constexpr int kMaxKernel = 15;
inline constexpr int kMaxFactor = 32;        // of one op
inline constexpr int kMaxTotalFactor = 256;  // picture to z
inline constexpr int kMaxRatePoints = 64;
inline constexpr int kMaxFilterDirections = 64;
inline constexpr double kMinTrellisStep = 1.0 / 64;
inline constexpr double kMaxTrellisStep = 64.0;
inline constexpr size_t kMaxTrellisShift = 16;
inline constexpr int64_t kMaxParameters = int64_t{1} << 27;  // of the whole model

}  // namespace compass
