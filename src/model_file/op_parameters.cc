#include "model_file/op_parameters.h"

namespace compass {

std::vector<Parameter> parameters_of(const nn::Op& op, int rate_points, nn::OpWeights& w) {
  const int64_t in = op.in;
  const int64_t out = op.out;
  const int64_t k = op.kernel;
  const int64_t area = static_cast<int64_t>(op.factor) * op.factor;
  switch (op.kind) {
    case nn::OpKind::kConv:
      return {{"weight", {out, in, k, k}, &w.weight}, {"bias", {out}, &w.bias}};
    case nn::OpKind::kDeconv:
      return {{"weight", {in, out, k, k}, &w.weight}, {"bias", {out}, &w.bias}};
    case nn::OpKind::kSubpel:
      return {{"weight", {out * area, in, k, k}, &w.weight}, {"bias", {out * area}, &w.bias}};
    case nn::OpKind::kCondition:
      return {{"weight", {out, in * area, k, k}, &w.weight}, {"bias", {out}, &w.bias}};
    case nn::OpKind::kRes:
      return {{"conv1.weight", {op.hidden, in, k, k}, &w.weight},
              {"conv1.bias", {op.hidden}, &w.bias},
              {"conv2.weight", {out, op.hidden, k, k}, &w.weight2},
              {"conv2.bias", {out}, &w.bias2}};
    case nn::OpKind::kGdn:
    case nn::OpKind::kIgdn:
      return {{"beta", {in}, &w.beta}, {"gamma", {in, in}, &w.gamma}};
    case nn::OpKind::kRateGain:
      return {{"log_gain", {rate_points, in}, &w.log_gain}};
    case nn::OpKind::kIntConv:
      return {{"weight", {out * area, in, k, k}, &w.weight},
              {"bias", {out * area}, &w.int_bias},
              {"shift", {out * area}, &w.int_shift}};
    case nn::OpKind::kUnshuffle:
    case nn::OpKind::kShuffle:
      return {};
  }
  return {};
}

}  // namespace compass
