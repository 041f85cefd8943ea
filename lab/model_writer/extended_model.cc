#include "model_writer/extended_model.h"

#include <fmt/format.h>

#include <cmath>

#include "model_file/model_ids.h"
#include "model_writer/changed_model.h"

namespace compass {
namespace {

// Qualities are even steps from the first rate point to the last.
void rescale_qualities(CodecDescription& codec, double factor) {
  if (!codec.trellis) return;
  for (double& quality : codec.trellis->coarser_below) quality *= factor;
}

}  // namespace

std::vector<float> lengthened(std::vector<float> log_gains, std::span<const double> lambdas, size_t points) {
  const size_t channels = log_gains.size() / points;
  const double step = std::log(lambdas[points - 1] / lambdas[points - 2]);
  for (size_t p = points; p < lambdas.size(); ++p) {
    const double along = std::log(lambdas[p] / lambdas[points - 1]) / step;
    for (size_t c = 0; c < channels; ++c) {
      const double last = log_gains[(points - 1) * channels + c];
      const double before = log_gains[(points - 2) * channels + c];
      log_gains.push_back(static_cast<float>(last + along * (last - before)));
    }
  }
  return log_gains;
}

Result<std::vector<uint8_t>> with_higher_rates(const Safetensors& file, std::span<const double> lambdas) {
  auto description = description_of(file);
  if (!description) return description.error();
  if (file.metadata(kPartsKey) == kBaseDecoderParts) {
    return Error{ErrorCode::kModel, "a base layer's decoder alone: extend the whole model, then strip it"};
  }
  std::vector<double>& points = description->rate_points;
  const size_t known = points.size();
  if (known < 2) return Error{ErrorCode::kModel, "a model of one rate has no line to go on in"};
  for (const double lambda : lambdas) {
    if (!(lambda > points.back() && lambda <= kMaxLambda)) {
      return Error{ErrorCode::kUsage,
                   fmt::format("{:g} is not above {:g} and at most {:g}: lambdas rise, from "
                               "above the model's highest on",
                               lambda, points.back(), kMaxLambda)};
    }
    points.push_back(lambda);
  }
  if (points.size() > static_cast<size_t>(kMaxRatePoints)) {
    return Error{ErrorCode::kUsage,
                 fmt::format("{} rates in all, where a model has {} at most", points.size(), kMaxRatePoints)};
  }

  SafetensorsWriter writer = copy_of(file);
  for (const auto& [name, view] : file.tensors()) {
    if (!name.ends_with(".log_gain")) continue;
    auto gains = view.floats();
    if (!gains) return Error{gains.error().code, name + ": " + gains.error().message};
    if (view.shape.size() != 2 || view.shape[0] != static_cast<int64_t>(known)) {
      return Error{ErrorCode::kModel, name + ": not one row for each rate point"};
    }
    writer.add_floats(name, {static_cast<int64_t>(points.size()), view.shape[1]},
                      lengthened(*std::move(gains), points, known));
  }
  const double factor = static_cast<double>(known - 1) / static_cast<double>(points.size() - 1);
  rescale_qualities(description->base, factor);
  if (description->enhancement) rescale_qualities(*description->enhancement, factor);
  return finished(std::move(writer), *description);
}

}  // namespace compass
