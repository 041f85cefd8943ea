#include "model_writer/random_model.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <random>
#include <vector>

#include "model_file/model_ids.h"
#include "model_writer/safetensors_writer.h"
#include "priors/gaussian_tables.h"

namespace compass {
namespace {

// The paper's networks (N = 128, M = 192), as an imported checkpoint describes them.
std::string paper_codec(bool factorised = false) {
  const auto conv = [](int in, int out, int kernel, int stride, const char* act, int align) {
    return fmt::format(R"({{"op":"conv","in":{},"out":{},"kernel":{},"stride":{},"act":"{}","align":{}}})",
                       in, out, kernel, stride, act, align);
  };
  const auto deconv = [](int in, int out, const char* act) {
    return fmt::format(R"({{"op":"deconv","in":{},"out":{},"act":"{}"}})", in, out, act);
  };
  const std::string gdn = R"({"op":"gdn","channels":128})";
  const std::string igdn = R"({"op":"igdn","channels":128})";
  const std::string down = conv(128, 128, 5, 2, "none", 2);
  const std::string up = deconv(128, 128, "none");
  const std::string transforms = R"("g_a":[)" + conv(3, 128, 5, 2, "none", 2) + "," + gdn + "," + down + "," +
                                 gdn + "," + down + "," + gdn + "," + conv(128, 192, 5, 2, "none", 2) +
                                 R"(],"g_s":[)" + deconv(192, 128, "none") + "," + igdn + "," + up + "," +
                                 igdn + "," + up + "," + igdn + "," + deconv(128, 3, "none");
  if (factorised) {
    return R"({"prior":"factorised","latent_channels":192,"quantise":"medians",)" + transforms + "]}";
  }
  return R"({"latent_channels":192,"hyper_channels":128,"quantise":"integer",)" + transforms +
         R"(],"h_a":[)" + conv(192, 128, 3, 1, "leaky_relu", 2) + "," +
         conv(128, 128, 5, 2, "leaky_relu", 2) + "," + down + R"(],"h_s":[)" +
         deconv(128, 192, "leaky_relu") + "," + deconv(192, 288, "leaky_relu") + "," +
         conv(288, 384, 3, 1, "none", 2) + "]}";
}

// The lite profile's networks: transforms at 1/8 and 1/16, `width` channels wide, `hidden` inside the
// residual blocks at 1/16.
std::string lite_codec(int width, int hidden, bool conditional, bool factorised = false) {
  const auto res = [width](int inner) {
    return fmt::format(R"({{"op":"res","channels":{},"hidden":{},"kernel":3,"act":"leaky_relu"}})", width,
                       inner);
  };
  const auto conv = [](int in, int out, int kernel, int stride, const char* act = "none") {
    return fmt::format(R"({{"op":"conv","in":{},"out":{},"kernel":{},"stride":{},"act":"{}"}})", in, out,
                       kernel, stride, act);
  };
  const auto subpel = [](int in, int out, int kernel, int factor, const char* act = "none") {
    return fmt::format(R"({{"op":"subpel","in":{},"out":{},"kernel":{},"factor":{},"act":"{}"}})", in, out,
                       kernel, factor, act);
  };
  const std::string fine = res(width) + "," + res(width);  // at 1/8
  const std::string coarse = res(hidden) + "," + res(hidden);
  const std::string condition =
      conditional ? fmt::format(R"({{"op":"condition","factor":8,"in":3,"out":{},"kernel":1}},)", width) : "";
  const std::string gain = R"({"op":"rate_gain","channels":192})";
  const std::string transforms = R"("g_a":[{"op":"unshuffle","factor":8},)" + conv(192, width, 3, 1) + "," +
                                 condition + fine + "," + conv(width, width, 3, 2) + "," + coarse + "," +
                                 conv(width, 192, 1, 1) + "," + gain + R"(],"g_s":[)" + gain + "," +
                                 conv(192, width, 1, 1) + "," + coarse + "," + subpel(width, width, 1, 2) +
                                 "," + condition + fine + "," + subpel(width, 3, 3, 8);
  if (factorised) {
    return R"({"prior":"factorised","latent_channels":192,"quantise":"medians",)" + transforms +
           R"(],"filter":{"directions":12}})";
  }
  return R"({"latent_channels":192,"hyper_channels":64,"quantise":"integer",)" + transforms + R"(],"h_a":[)" +
         conv(192, 64, 3, 1, "leaky_relu") + "," + conv(64, 64, 3, 2, "leaky_relu") + "," +
         conv(64, 64, 3, 2) + R"(],"h_s":[)" + subpel(64, 64, 3, 2, "leaky_relu") + "," +
         subpel(64, 64, 1, 2, "leaky_relu") + "," + conv(64, 192, 3, 1) +
         R"(],"h_scales":[{"op":"int_conv","in":64,"out":32,"factor":2},{"op":"int_conv","in":32,"out":32,"factor":2},)" +
         R"({"op":"int_conv","in":32,"out":192,"limit":63}],"filter":{"directions":12}})";
}

// LIFF of the paper's widths, of lite's or of swift's.
std::string predictor(bool paper, std::string_view kind) {
  if (kind == "swift") {
    return R"({"g0":16,"blocks":1,"convs":1,"growth":16,"unfold":1,"hidden":[16,16],"residual":"bicubic"})";
  }
  const std::string widths = paper ? R"("g0":64,"blocks":4,"convs":4,"growth":32,"hidden":[256,256,256,256])"
                                   : R"("g0":32,"blocks":2,"convs":2,"growth":16,"hidden":[32,32],)"
                                     R"("residual":"bicubic")";
  return fmt::format(R"({{"kind":"{}",{}}})", kind, widths);
}

// The codecs and the predictor of a profile, as fields of a description; empty if there is no such profile.
std::string parts_of(std::string_view profile) {
  const auto layered = [](const std::string& base, const std::string& enhancement, const std::string& liff) {
    return fmt::format(R"("base":{},"enhancement":{},"liff":{})", base, enhancement, liff);
  };
  const std::string lite_base = lite_codec(80, 80, false);
  const std::string lite_enhancement = lite_codec(128, 96, true);
  if (profile == "lite") return layered(lite_base, lite_enhancement, predictor(false, "liff"));
  if (profile == "lite-swift-liff") return layered(lite_base, lite_enhancement, predictor(false, "swift"));
  if (profile == "lite-liif") return layered(lite_base, lite_enhancement, predictor(false, "liif"));
  if (profile == "lite-factorised") {
    return layered(lite_codec(80, 80, false, true), lite_enhancement, predictor(false, "liff"));
  }
  if (profile == "paper") return layered(paper_codec(), paper_codec(), predictor(true, "liff"));
  if (profile == "paper-liif") return layered(paper_codec(), paper_codec(), predictor(true, "liif"));
  if (profile == "factorised") return fmt::format(R"("base":{})", paper_codec(true));
  return "";
}

// Writes a whole model with random weights.
class RandomModel {
 public:
  static Result<std::shared_ptr<const Model>> make(const std::string& profile) {
    const std::string parts = parts_of(profile);
    if (parts.empty()) {
      return Error{ErrorCode::kUsage,
                   fmt::format("no profile '{}': choose {}", profile, fmt::join(random_profiles(), ", "))};
    }
    const std::string text = fmt::format(
        R"({{"name":"{}","rules":{{"nearest":"integer","scale_token":"own"}},"rate_points":[0.0018,0.013],{}}})",
        profile, parts);
    const auto description = parse_description(text);
    if (!description) return description.error();
    RandomModel writer;
    writer.codec("base.", description->base);
    if (description->enhancement) writer.codec("enhancement.", *description->enhancement);
    writer.filter("base.filter", description->base);
    if (description->enhancement) writer.filter("enhancement.filter", *description->enhancement);
    if (description->liff) writer.liff(*description->liff);
    writer.scale_tables("base.y.", description->base);
    if (description->enhancement) writer.scale_tables("enhancement.y.", *description->enhancement);
    writer.file_.set_metadata("format", "compass-model");
    writer.file_.set_metadata("version", "1");
    writer.file_.set_metadata(kDescriptionKey, to_json(*description));
    return Model::parse(writer.file_.finish());
  }

 private:
  void floats(const std::string& name, std::vector<int64_t> shape, const std::vector<float>& values) {
    file_.add_floats(name, std::move(shape), values, DType::kF16);
  }
  void filter(const std::string& name, const CodecDescription& codec) {
    if (!codec.filter) return;
    std::normal_distribution<float> distribution(0.0F, 1e-3F);
    std::vector<float> values(static_cast<size_t>(kFilterWeights) * (1 + *codec.filter));
    for (float& v : values) v = distribution(generator_);
    floats(name, {1 + *codec.filter, 3, kFilterTaps, kFilterGates}, values);
  }
  void network(const std::string& prefix, const std::vector<nn::Op>& ops) {
    for (size_t i = 0; i < ops.size(); ++i) {
      const nn::Op& op = ops[i];
      const std::string place = prefix + std::to_string(i) + ".";
      const nn::OpWeights w = random_weights(op, 2, generator_);
      const int64_t area = static_cast<int64_t>(op.factor) * op.factor;
      const int64_t k = op.kernel;
      switch (op.kind) {
        case nn::OpKind::kDeconv:
          floats(place + "weight", {op.in, op.out, k, k}, w.weight.floats());
          floats(place + "bias", {op.out}, w.bias);
          break;
        case nn::OpKind::kConv:
        case nn::OpKind::kSubpel:
          floats(place + "weight", {op.out * area, op.in, k, k}, w.weight.floats());
          floats(place + "bias", {op.out * area}, w.bias);
          break;
        case nn::OpKind::kCondition:
          floats(place + "weight", {op.out, op.in * area, k, k}, w.weight.floats());
          floats(place + "bias", {op.out}, w.bias);
          break;
        case nn::OpKind::kRes:
          floats(place + "conv1.weight", {op.hidden, op.in, k, k}, w.weight.floats());
          floats(place + "conv1.bias", {op.hidden}, w.bias);
          floats(place + "conv2.weight", {op.in, op.hidden, k, k}, w.weight2.floats());
          floats(place + "conv2.bias", {op.in}, w.bias2);
          break;
        case nn::OpKind::kGdn:
        case nn::OpKind::kIgdn:
          file_.add_floats(place + "beta", {op.in}, w.beta);
          file_.add_floats(place + "gamma", {op.in, op.in}, w.gamma);
          break;
        case nn::OpKind::kRateGain:
          floats(place + "log_gain", {2, op.in}, w.log_gain);
          break;
        case nn::OpKind::kIntConv: {
          const int64_t out = op.out * area;
          std::vector<int32_t> weight(out * op.in * k * k);
          for (int32_t& v : weight) v = static_cast<int32_t>(generator_() % 81) - 40;
          file_.add_integers(place + "weight", {out, op.in, k, k}, weight, DType::kI8);
          file_.add_integers(place + "bias", {out}, std::vector<int32_t>(out, 20 << 9));
          file_.add_integers(place + "shift", {out}, std::vector<int32_t>(out, 9));
          break;
        }
        case nn::OpKind::kUnshuffle:
        case nn::OpKind::kShuffle:
          break;
      }
    }
  }
  void codec(const std::string& prefix, const CodecDescription& d) {
    network(prefix + "g_a.", d.g_a);
    network(prefix + "g_s.", d.g_s);
    network(prefix + "h_a.", d.h_a);
    network(prefix + "h_s.", d.h_s);
    network(prefix + "h_scales.", d.h_scales);
    const int64_t c = d.factorised() ? d.latent_channels : d.hyper_channels;
    const std::string own = prefix + (d.factorised() ? "y." : "z.");
    std::vector<int32_t> cdf;
    for (int64_t i = 0; i < c; ++i) cdf.insert(cdf.end(), {0, 16384, 49152, 65000, 65536});
    file_.add_integers(own + "cdf", {c, 5}, cdf);
    file_.add_integers(own + "length", {c}, std::vector<int32_t>(c, 5));
    file_.add_integers(own + "offset", {c}, std::vector<int32_t>(c, -1));
    if (d.quantise != Quantise::kMedians) return;
    std::vector<float> medians;
    for (int64_t i = 0; i < c; ++i) medians.push_back(0.25F * static_cast<float>(i % 5) - 0.5F);
    file_.add_floats(own + "median", {c}, medians);
  }
  // The Gaussian rows of scale indexes, which a hyperprior has.
  void scale_tables(const std::string& prefix, const CodecDescription& d) {
    if (d.factorised()) return;
    const CdfTables tables = gaussian_tables();
    const auto cdf = tables.ragged_cdf();
    file_.add_integers(prefix + "cdf", {static_cast<int64_t>(cdf.size())}, cdf);
    file_.add_integers(prefix + "length", {kScales}, tables.lengths());
    file_.add_integers(prefix + "offset", {kScales}, tables.offsets());
  }
  void conv(const std::string& name, int in, int out, int kernel, bool dense = false) {
    nn::Op op;
    op.in = in;
    op.out = out;
    op.kernel = kernel;
    const nn::OpWeights w = random_weights(op, 1, generator_);
    floats("liff." + name + ".weight",
           dense ? std::vector<int64_t>{out, in} : std::vector<int64_t>{out, in, kernel, kernel},
           w.weight.floats());
    floats("liff." + name + ".bias", {out}, w.bias);
  }
  void liff(const LiffDescription& d) {
    conv("sfe1", 3, d.g0, 3);
    conv("sfe2", d.g0, d.g0, 3);
    for (int b = 0; b < d.blocks; ++b) {
      for (int i = 0; i < d.convs; ++i) {
        conv(fmt::format("rdb.{}.conv.{}", b, i), d.g0 + i * d.growth, d.growth, 3);
      }
      conv(fmt::format("rdb.{}.fuse", b), d.g0 + d.convs * d.growth, d.g0, 1);
    }
    conv("gff1", d.g0 * d.blocks, d.g0, 1);
    conv("gff2", d.g0, d.g0, 3);
    int in = d.mlp_inputs();
    for (size_t i = 0; i <= d.hidden.size(); ++i) {
      const int out = i < d.hidden.size() ? d.hidden[i] : d.mlp_outputs();
      conv(fmt::format("mlp.{}", i), in, out, 1, /*dense=*/true);
      in = out;
    }
  }

  SafetensorsWriter file_;
  std::mt19937 generator_{1};
};

}  // namespace

nn::OpWeights random_weights(const nn::Op& op, int points, std::mt19937& generator) {
  const auto fill = [&](size_t n, float bound) {
    std::uniform_real_distribution<float> distribution(-bound, bound);
    std::vector<float> values(n);
    for (float& v : values) v = distribution(generator);
    return values;
  };
  const auto bound = [](size_t fan_in) { return std::sqrt(3.0F / static_cast<float>(fan_in)); };
  const size_t in = op.in;
  const size_t out = op.out;
  const size_t taps = static_cast<size_t>(op.kernel) * op.kernel;
  const size_t area = static_cast<size_t>(op.factor) * op.factor;
  nn::OpWeights w;
  switch (op.kind) {
    case nn::OpKind::kConv:
    case nn::OpKind::kDeconv:
    case nn::OpKind::kSubpel:
    case nn::OpKind::kIntConv:
      w.weight = fill(in * out * taps * area, bound(in * taps));
      w.bias = fill(op.kind == nn::OpKind::kDeconv ? out : out * area, 0.1F);
      break;
    case nn::OpKind::kCondition:
      w.weight = fill(in * area * out * taps, bound(in * area * taps));
      w.bias = fill(out, 0.1F);
      break;
    case nn::OpKind::kRes:
      w.weight = fill(in * op.hidden * taps, bound(in * taps));
      w.bias = fill(op.hidden, 0.1F);
      w.weight2 = fill(in * op.hidden * taps, 0.5F * bound(op.hidden * taps));
      w.bias2 = fill(in, 0.1F);
      break;
    case nn::OpKind::kGdn:
    case nn::OpKind::kIgdn:
      w.beta.assign(in, 1.0F);
      w.gamma = fill(in * in, 0.01F);
      for (float& g : w.gamma) g = std::abs(g);
      break;
    case nn::OpKind::kRateGain:
      w.log_gain = fill(points * in, 0.3F);
      break;
    case nn::OpKind::kUnshuffle:
    case nn::OpKind::kShuffle:
      break;
  }
  return w;
}

const std::vector<std::string>& random_profiles() {
  static const std::vector<std::string> kProfiles{"lite",       "paper",     "lite-liif", "lite-factorised",
                                                  "paper-liif", "factorised"};
  return kProfiles;
}

Result<std::shared_ptr<const Model>> random_model(const std::string& profile) {
  return RandomModel::make(profile);
}

}  // namespace compass
