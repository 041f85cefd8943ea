#include "loop_filter.h"

#include <algorithm>

#include "model_file/filter_shape.h"
#include "model_file/safetensors.h"

namespace compass::train {
namespace {

constexpr int64_t kSeen =
    8192;  // pixels of a sample that coefficients are fitted to, at least, if it has them
constexpr double kCoefficientRidge = 1e-5;  // of the mean square of a direction's correction

// x with its edges repeated around it, kFilterHalo times.
Tensor with_halo(const Tensor& x) {
  return at::replication_pad2d(x.to(at::kFloat), {kFilterHalo, kFilterHalo, kFilterHalo, kFilterHalo});
}

// Every `every`th row of what lies (dy, dx) from the pixels in the middle of a map with a halo.
Tensor shifted(const Tensor& padded, int64_t dy, int64_t dx, int64_t every) {
  const int64_t height = padded.size(2) - 2 * kFilterHalo, width = padded.size(3) - 2 * kFilterHalo;
  return padded.slice(2, kFilterHalo + dy + every / 2, kFilterHalo + dy + height, every)
      .slice(3, kFilterHalo + dx, kFilterHalo + dx + width);
}

Tensor luma(const Tensor& x) {
  return kFilterLuma[0] * x.narrow(1, 0, 1) + kFilterLuma[1] * x.narrow(1, 1, 1) +
         kFilterLuma[2] * x.narrow(1, 2, 1);
}

// [B,44,rows,W] of a padded picture's rows.
Tensor taps_of(const Tensor& padded, int64_t every) {
  const Tensor planes = at::cat({padded, luma(padded)}, 1);
  std::vector<Tensor> taps;
  for (const FilterTap& tap : kFilterTapPlaces) {
    taps.push_back(shifted(planes.narrow(1, tap.plane, 1), tap.dy, tap.dx, every));
  }
  taps.push_back(at::ones_like(taps.front()));
  return at::cat(taps, 1);
}

// [B,9,H,W].
Tensor gates_of(const Tensor& padded) {
  const Tensor l = 255.0 * luma(padded);
  const int64_t height = l.size(2), width = l.size(3);
  const Tensor middle_rows = l.slice(2, 1, height - 1), middle_columns = l.slice(3, 1, width - 1);
  const Tensor h = (middle_rows.slice(3, 2, width) - middle_rows.slice(3, 0, width - 2)) / 2.0;
  const Tensor v = (middle_columns.slice(2, 2, height) - middle_columns.slice(2, 0, height - 2)) / 2.0;
  const Tensor means = at::avg_pool2d(at::cat({h * h, v * v, h * v}, 1), {5, 5}, {1, 1});
  const Tensor a = means.narrow(1, 0, 1), b = means.narrow(1, 1, 1), d = means.narrow(1, 2, 1);
  const Tensor t = a + b;
  const Tensor not_calm = t / (t + kFilterCalm), busy = t / (t + kFilterBusy);
  const Tensor levels = at::cat({1.0 - not_calm, not_calm - busy, busy}, 1);
  return at::cat({levels, levels * ((a - b) / (t + kFilterFloor)), levels * (2.0 * d / (t + kFilterFloor))},
                 1);
}

LoopFilter filter_of(const Safetensors& file, const std::string& path, const std::string& codec,
                     torch::Device device) {
  const std::string name = codec + ".filter";
  const TensorView* view = file.find(name);
  TORCH_CHECK(view != nullptr, path, ": no tensor '", name, "'; see compass-lab fit");
  auto values = view->floats();
  TORCH_CHECK(values.ok(), path, ": ", name, ": ", values.ok() ? "" : values.error().message);
  return LoopFilter(torch::from_blob(values->data(), view->shape, torch::kFloat).clone().to(device));
}

}  // namespace

LoopFilter::LoopFilter(const Tensor& weights)
    : weights_(weights), kernels_(torch::zeros({kFilterTaps, 3, 5, 5}, weights.options())) {
  TORCH_CHECK(weights.dim() == 4 && weights.size(1) == 3 && weights.size(2) == kFilterTaps &&
                  weights.size(3) == kFilterGates,
              "a loop filter is [1+K,3,", kFilterTaps, ",", kFilterGates, "]");
  for (size_t t = 0; t < kFilterTapPlaces.size(); ++t) {
    const FilterTap& tap = kFilterTapPlaces[t];
    for (int p = 0; p < 3; ++p) {
      const float share = tap.plane == kLumaPlane ? kFilterLuma[p] : static_cast<float>(p == tap.plane);
      kernels_[static_cast<int64_t>(t)][p][tap.dy + 2][tap.dx + 2] = share;
    }
  }
}

LayerFilters LayerFilters::of_model(const std::string& path, bool layered, torch::Device device) {
  const auto file = Safetensors::load(path);
  TORCH_CHECK(file.ok(), file.ok() ? "" : file.error().message);
  LayerFilters filters;
  filters.base = filter_of(*file, path, "base", device);
  if (layered) filters.enhancement = filter_of(*file, path, "enhancement", device);
  return filters;
}

LoopFilter::Inputs LoopFilter::inputs_of(const Tensor& x) {
  const Tensor padded = with_halo(x);
  return {padded, gates_of(padded)};
}

Tensor LoopFilter::best_weights(const Inputs& inputs, const Tensor& missing) const {
  const torch::NoGradGuard guard;
  const int64_t batch = missing.size(0), height = missing.size(2), sets = weights_.size(0);
  if (sets == 1) return weights_.expand({batch, -1, -1, -1});
  const int64_t every =
      std::clamp<int64_t>(height * missing.size(3) / kSeen, 1, std::min<int64_t>(8, height));
  const Tensor gates = inputs.gates.slice(2, every / 2, height, every);
  const Tensor terms = (taps_of(inputs.padded, every).unsqueeze(2) * gates.unsqueeze(1))
                           .reshape({batch, kFilterTaps * kFilterGates, -1});
  // [B,1+K,3N]: what each set of weights adds. (matmul of one matrix with many would turn all terms over.)
  const Tensor matrix = weights_.reshape({1, sets * 3, kFilterTaps * kFilterGates});
  const Tensor added = at::bmm(matrix.expand({batch, -1, -1}), terms).reshape({batch, sets, -1});
  const Tensor directions = added.slice(1, 1, sets);
  const Tensor rest =
      missing.slice(2, every / 2, height, every).reshape({batch, 1, -1}) - added.narrow(1, 0, 1);
  Tensor squares = at::matmul(directions, directions.transpose(1, 2)).to(at::kDouble);
  squares.diagonal(0, 1, 2).add_(kCoefficientRidge * squares.diagonal(0, 1, 2).mean(1, true) + 1e-12);
  const Tensor products = at::matmul(directions, rest.transpose(1, 2)).to(at::kDouble);
  const Tensor coefficients =
      at::cholesky_solve(products, at::linalg_cholesky(squares)).to(at::kFloat);  // [B,K,1]
  const Tensor moved =
      at::matmul(coefficients.transpose(1, 2), weights_.slice(0, 1, sets).reshape({sets - 1, -1}));
  return weights_[0].unsqueeze(0) + moved.reshape({batch, 3, kFilterTaps, kFilterGates});
}

Tensor LoopFilter::correction(const Inputs& inputs, const Tensor& weights) const {
  const Tensor& padded = inputs.padded;
  const Tensor window = padded.slice(2, 1, padded.size(2) - 1).slice(3, 1, padded.size(3) - 1);
  std::vector<Tensor> sums;
  for (int64_t i = 0; i < padded.size(0); ++i) {
    // [9,3,44]: of each gate and colour, over taps.
    const Tensor own = weights[i].permute({2, 0, 1});
    const Tensor kernels =
        at::matmul(own.reshape({kFilterGates * 3, kFilterTaps}), kernels_.reshape({kFilterTaps, -1}));
    const Tensor filtered = at::conv2d(window.narrow(0, i, 1), kernels.reshape({kFilterGates * 3, 3, 5, 5}),
                                       own.select(2, kFilterTaps - 1).reshape({-1}));
    const Tensor gates = inputs.gates[i].unsqueeze(1);  // [9,1,H,W]
    const Tensor by_gate = filtered.reshape({kFilterGates, 3, gates.size(2), gates.size(3)});
    sums.push_back((by_gate * gates).sum(0));
  }
  return at::stack(sums);
}

Tensor LoopFilter::correction(const Tensor& x, const Tensor& weights) const {
  return correction(inputs_of(x), weights);
}

Tensor LoopFilter::best_correction(const Tensor& x, const Tensor& wanted) const {
  const Inputs inputs = inputs_of(x);
  return correction(inputs, best_weights(inputs, (wanted - x).detach()));
}

}  // namespace compass::train
