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

// How z is rounded; with a factorised prior, y.
enum class Quantise {
  kMedians,  // z_hat = round(z - median) + median
  kInteger,  // z_hat = round(z)
};

// What knows how y's symbols are distributed.
enum class Prior {
  kHyperprior,  // a mean and a scale for each element, from z (Minnen et al., 2018)
  kFactorised,  // a table for each channel; there is no z (Balle et al., 2018, section 4)
};

// How y is quantised dependently (entropy/trellis.h). Step and scales grow together where a file's quality is
// low: `coarser_below` lists the qualities, falling, below each of which both are one scale index coarser.
struct TrellisDescription {
  double step = 0.0;  // D: two quantisers of steps of 2 D
  std::vector<double> coarser_below;
};

// One codec, residual or conditional for enhancement layers. With a factorised prior, h_a, h_s and h_scales
// are empty, and there are no hyper channels.
struct CodecDescription {
  Prior prior = Prior::kHyperprior;
  int channels = 3;         // of the picture
  int latent_channels = 0;  // M, of y
  int hyper_channels = 0;   // of z
  Quantise quantise = Quantise::kInteger;
  std::vector<nn::Op> g_a, g_s, h_a, h_s;
  std::vector<nn::Op> h_scales;               // empty: h_s gives [scales; means] in floats
  std::optional<int> filter;                  // the loop filter's directions; none: no filter
  std::optional<TrellisDescription> trellis;  // none: y is rounded to whole numbers

  bool factorised() const { return prior == Prior::kFactorised; }
};

// What the MLP that predicts a pixel makes.
enum class LiffKind {
  kLiff,  // pixel weights over the features at and around the nearest source pixel
  kLiif,  // the pixel, four times, of the nearest source pixels of its four corners (Chen et al., 2021)
};

// Local implicit filter function: residual dense network, then an MLP for each pixel. Or, to compare it with,
// the local implicit image function (LIIF) on the same features.
struct LiffDescription {
  LiffKind kind = LiffKind::kLiff;
  int g0 = 0;      // feature channels
  int blocks = 0;  // residual dense blocks
  int convs = 0;   // per block
  int growth = 0;
  int unfold = 3;           // the MLP sees so many by so many features around a source pixel: 3, or 1
  std::vector<int> hidden;  // widths of the MLP's hidden layers
  bool bicubic_residual = false;

  int unfolded() const { return unfold * unfold * g0; }
  int mlp_inputs() const { return unfolded() + 4; }  // and offset y, x, scale token y, x
  int mlp_outputs() const { return kind == LiffKind::kLiff ? 3 * unfolded() : 3; }
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
inline constexpr int kMaxOps = 64;                  // per network
inline constexpr int kMaxChannels = 2048;           // of any map
inline constexpr int kMaxFactorisedChannels = 255;  // of y with a factorised prior: a row each, 8-bit indexes
inline constexpr int kMaxKernel = 15;
inline constexpr int kMaxFactor = 32;        // of one op
inline constexpr int kMaxTotalFactor = 256;  // picture to z
inline constexpr int kMaxRatePoints = 64;
inline constexpr double kMaxLambda = 1e6;
inline constexpr int kMaxFilterDirections = 64;
inline constexpr double kMinTrellisStep = 1.0 / 64;
inline constexpr double kMaxTrellisStep = 64.0;
inline constexpr size_t kMaxTrellisShift = 16;
inline constexpr int64_t kMaxParameters = int64_t{1} << 27;  // of the whole model

}  // namespace compass
