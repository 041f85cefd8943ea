#include "interop/reference_networks.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/printable.h"
#include "interop/reference_names.h"

namespace compass {
namespace {

using nn::Act;
using nn::Op;
using nn::OpKind;

Error bad(const CheckpointPart& part, const std::string& what) {
  return {ErrorCode::kBadFile, part.path.empty() ? what : fmt::format("{}: {}", printable(part.path), what)};
}

// Looks up tensors by key, and collects what is wrong instead of stopping at the first thing.
class Shapes {
 public:
  explicit Shapes(const CheckpointPart& part) : part_(part) {}

  // The tensor's shape if it has so many dimensions, all between 1 and the description's limit; else ones.
  std::vector<int> get(const std::string& key, size_t dimensions) {
    std::vector<int> sides(dimensions, 1);
    const auto found = part_.tensors.find(key);
    if (found == part_.tensors.end()) {
      missing_.push_back(key);
      return sides;
    }
    const std::vector<int64_t>& shape = found->second.shape;
    const bool fits = shape.size() == dimensions && std::all_of(shape.begin(), shape.end(), [](int64_t side) {
                        return side >= 1 && side <= kMaxSide;
                      });
    if (!fits) {
      wrong_.push_back(fmt::format("{} has shape [{}]", key, fmt::join(shape, ",")));
      return sides;
    }
    std::transform(shape.begin(), shape.end(), sides.begin(),
                   [](int64_t side) { return static_cast<int>(side); });
    return sides;
  }
  void need(const std::string& key) {
    if (!part_.tensors.contains(key)) {
      missing_.push_back(key);
    }
  }

  Status status() const {
    if (!missing_.empty()) {
      return bad(part_, fmt::format("{} missing {}: {}", missing_.size(),
                                    missing_.size() == 1 ? "key" : "keys", fmt::join(missing_, ", ")));
    }
    if (!wrong_.empty()) {
      return bad(part_, fmt::format("{}", fmt::join(wrong_, "; ")));
    }
    return {};
  }

 private:
  static constexpr int64_t kMaxSide = 32 * kMaxChannels;  // LIFF's last layer is 27 times its width

  const CheckpointPart& part_;
  std::vector<std::string> missing_;
  std::vector<std::string> wrong_;
};

Op conv(Shapes& shapes, const std::string& key, int stride, int align, Act act = Act::kNone) {
  const auto shape = shapes.get(key + ".weight", 4);
  shapes.need(key + ".bias");
  Op op;
  op.kind = OpKind::kConv;
  op.out = shape[0];
  op.in = shape[1];
  op.kernel = shape[2];
  op.stride = stride;
  op.align = align;
  op.act = act;
  return op;
}

Op deconv(Shapes& shapes, const std::string& key, Act act = Act::kNone) {
  const auto shape = shapes.get(key + ".weight", 4);
  shapes.need(key + ".bias");
  Op op;
  op.kind = OpKind::kDeconv;
  op.in = shape[0];
  op.out = shape[1];
  op.kernel = shape[2];
  op.stride = 2;
  op.act = act;
  return op;
}

Op gdn(Shapes& shapes, const std::string& key, OpKind kind) {
  Op op;
  op.kind = kind;
  op.in = op.out = shapes.get(key + ".beta", 1)[0];
  shapes.need(key + ".gamma");
  return op;
}

}  // namespace

Result<CodecDescription> describe_codec(const CheckpointPart& part) {
  const auto has_prefix = [&](std::string_view prefix) {
    const auto at = part.tensors.lower_bound(prefix);
    return at != part.tensors.end() && at->first.starts_with(prefix);
  };
  if (has_prefix("context_prediction.") || has_prefix("entropy_parameters.")) {
    return bad(part, "a codec with a context model; only mean-scale hyperpriors without one can be imported");
  }
  const bool hyperprior = has_prefix("h_a.") || has_prefix("h_s.");
  if (!hyperprior && has_prefix("gaussian_conditional.")) {
    return bad(part,
               "a mixture of kinds: gaussian_conditional.* belongs to a mean-scale hyperprior, but h_a.* and "
               "h_s.* are missing; a factorised prior has none of the three");
  }

  Shapes shapes(part);
  CodecDescription codec;
  codec.prior = hyperprior ? Prior::kHyperprior : Prior::kFactorised;
  codec.quantise = Quantise::kMedians;
  codec.g_a = {conv(shapes, "g_a.0", 2, 2), gdn(shapes, "g_a.1", OpKind::kGdn),
               conv(shapes, "g_a.2", 2, 2), gdn(shapes, "g_a.3", OpKind::kGdn),
               conv(shapes, "g_a.4", 2, 2), gdn(shapes, "g_a.5", OpKind::kGdn),
               conv(shapes, "g_a.6", 2, 2)};
  codec.g_s = {deconv(shapes, "g_s.0"), gdn(shapes, "g_s.1", OpKind::kIgdn),
               deconv(shapes, "g_s.2"), gdn(shapes, "g_s.3", OpKind::kIgdn),
               deconv(shapes, "g_s.4"), gdn(shapes, "g_s.5", OpKind::kIgdn),
               deconv(shapes, "g_s.6")};
  if (hyperprior) {
    // The authors pad before h_a.0 although its stride is 1; its mirror is the last op of h_s.
    codec.h_a = {conv(shapes, "h_a.0", 1, 2, Act::kLeakyRelu), conv(shapes, "h_a.2", 2, 2, Act::kLeakyRelu),
                 conv(shapes, "h_a.4", 2, 2)};
    codec.h_s = {deconv(shapes, "h_s.0", Act::kLeakyRelu), deconv(shapes, "h_s.2", Act::kLeakyRelu),
                 conv(shapes, "h_s.4", 1, 2)};
  }
  shapes.need("entropy_bottleneck.quantiles");
  if (const Status complete = shapes.status(); !complete) {
    return complete.error();
  }
  codec.channels = codec.g_a.front().in;
  codec.latent_channels = codec.g_a.back().out;
  if (!hyperprior) return codec;
  codec.hyper_channels = codec.h_a.back().out;
  if (codec.h_s.back().out == codec.latent_channels) {
    return bad(part,
               "a hyperprior that gives scales but no means; only mean-scale hyperpriors can be imported");
  }
  return codec;
}

Result<LiffDescription> describe_liff(const CheckpointPart& part) {
  Shapes shapes(part);
  LiffDescription liff;
  liff.g0 = shapes.get("SFENet1.weight", 4)[0];
  constexpr int kMaxCount = 32;
  const auto count = [&](auto key_of) {
    int n = 0;
    while (n <= kMaxCount && part.tensors.contains(key_of(n))) {
      ++n;
    }
    return n;
  };
  liff.blocks = count([](int b) { return fmt::format("RDBs.{}.LFF.weight", b); });
  liff.convs = count([](int i) { return fmt::format("RDBs.0.convs.{}.conv.0.weight", i); });
  liff.growth = shapes.get("RDBs.0.convs.0.conv.0.weight", 4)[0];
  const int layers = count([](int i) { return fmt::format("imnet.{}.weight", 2 * i); });
  for (int i = 0; i + 1 < layers; ++i) {
    liff.hidden.push_back(shapes.get(fmt::format("imnet.{}.weight", 2 * i), 2)[0]);
  }
  for (const NamePair& name : liff_names(liff)) {
    shapes.need(name.theirs);
  }
  if (const Status complete = shapes.status(); !complete) {
    return complete.error();
  }
  return liff;
}

std::string widths(const CodecDescription& codec) {
  if (codec.factorised()) {
    return fmt::format("factorised prior, N={} M={}", codec.g_a.front().out, codec.latent_channels);
  }
  return fmt::format("N={} M={}", codec.hyper_channels, codec.latent_channels);
}

std::string widths(const LiffDescription& liff) {
  return fmt::format("G0={}, {} blocks of {} convolutions, growth {}, MLP {}-{}-{}", liff.g0, liff.blocks,
                     liff.convs, liff.growth, 9 * liff.g0 + 4, fmt::join(liff.hidden, "-"),
                     liff.mlp_outputs());
}

}  // namespace compass
