#include "weights_file.h"

#include "model_writer/extended_model.h"

namespace compass::train {

std::optional<Tensor> parameter_in(const Safetensors& file, const std::string& path, const std::string& name,
                                   const std::vector<double>& rate_points) {
  const TensorView* view = file.find(name);
  if (view == nullptr) return std::nullopt;
  auto values = view->floats();
  TORCH_CHECK(values.ok(), path, ": ", name, ": ", values.ok() ? "" : values.error().message);
  std::vector<int64_t> shape = view->shape;
  const auto points = static_cast<int64_t>(rate_points.size());
  if (name.ends_with(".log_gain") && shape.size() == 2 && shape[0] >= 2 && shape[0] < points) {
    values = lengthened(*std::move(values), rate_points, static_cast<size_t>(shape[0]));
    shape[0] = points;
  }
  return torch::from_blob(values->data(), shape).clone();
}

}  // namespace compass::train
