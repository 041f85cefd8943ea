// One op of a network as data: what docs/model_format.md calls an OP, and its parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/stored_weights.h"

namespace compass::nn {

enum class OpKind {
  kConv,
  kDeconv,
  kSubpel,
  kUnshuffle,
  kShuffle,
  kGdn,
  kIgdn,
  kRes,
  kCondition,
  kRateGain,
  kIntConv,
};

// Applied to an op's output; for kRes, between its two convolutions.
enum class Act { kNone, kRelu, kLeakyRelu };

inline constexpr float kLeakySlope = 0.01F;
// What an activation multiplies values below zero by.
constexpr float slope_of(Act act) {
  return act == Act::kNone ? 1.0F : act == Act::kLeakyRelu ? kLeakySlope : 0.0F;
}

// GDN's parameters as files store them (Balle et al., 2016, as CompressAI stores it). The effective value is
// max(stored, sqrt(minimum + kGdnPedestal))^2 - kGdnPedestal; gamma's minimum is 0.
inline constexpr double kGdnPedestal = 0x1p-36;
inline constexpr double kGdnMinBeta = 1e-6;

// Integer networks. z's symbols are clamped to +-kMaxHyperSymbol in front of them, and every sum stays below
// kExactLimit in magnitude: f32 holds all integers up to there, and adds them exactly in any order.
inline constexpr int kMaxHyperSymbol = 127;
inline constexpr int64_t kExactLimit = int64_t{1} << 24;

// One op. Fields that its kind does not have keep their defaults. Channel counts are those of the op's own
// input and output map, except for kCondition, whose `in` counts channels of the prediction before its
// unshuffle.
struct Op {
  OpKind kind = OpKind::kConv;
  int in = 0;
  int out = 0;     // for ops that keep the channel count, the same as in
  int kernel = 1;  // side of the square kernel, odd
  int stride = 1;  // of kConv: 1 or 2; of kDeconv: 2
  int align = 1;   // the map is padded on top and left to a multiple of this before the op
  int factor = 1;  // kSubpel, kUnshuffle, kShuffle, kCondition, kIntConv
  int hidden = 0;  // kRes
  int limit = 0;   // kIntConv: outputs are clamped to [0, limit]
  Act act = Act::kNone;

  // The factor by which this op makes a map smaller, or larger, per axis.
  int down() const {
    if (kind == OpKind::kConv) return stride;
    return kind == OpKind::kUnshuffle ? factor : 1;
  }
  int up() const {
    if (kind == OpKind::kDeconv) return stride;
    return kind == OpKind::kSubpel || kind == OpKind::kShuffle || kind == OpKind::kIntConv ? factor : 1;
  }
};

// An op's parameters, in the model file's layout; GDN's are effective values. Those that the op does not have
// are empty.
struct OpWeights {
  StoredWeights
      weight;  // [out,in,k,k]; kDeconv [in,out,k,k]; kRes conv1; kIntConv [out*r*r,in,k,k], integers
  std::vector<float> bias;         // [out]; kIntConv: int_bias's values
  StoredWeights weight2;           // kRes conv2 [channels,hidden,k,k]
  std::vector<float> bias2;        // [channels]
  std::vector<float> beta;         // GDN [C]
  std::vector<float> gamma;        // GDN [C,C], row i weighs the inputs of output i
  std::vector<float> log_gain;     // kRateGain [P,C]
  std::vector<int32_t> int_bias;   // kIntConv [out*r*r]
  std::vector<int32_t> int_shift;  // [out*r*r], 0..24
};

}  // namespace compass::nn
