#include "model_file/read_tensor.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace compass {

Error bad_tensor(const std::string& name, const std::string& what) {
  return {ErrorCode::kModel, "model tensor '" + name + "' " + what};
}

namespace {

std::string text(const TensorShape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ","));
}

// The named tensor, if it has this shape. Sides of -1 match anything.
Result<const TensorView*> find(const Safetensors& file, const std::string& name, const TensorShape& shape) {
  const TensorView* view = file.find(name);
  if (view == nullptr) return bad_tensor(name, "is missing");
  const bool same = view->shape.size() == shape.size() &&
                    std::equal(shape.begin(), shape.end(), view->shape.begin(),
                               [](int64_t want, int64_t have) { return want == -1 || want == have; });
  if (!same) return bad_tensor(name, fmt::format("has shape {}, needs {}", text(view->shape), text(shape)));
  return view;
}

// The named tensor's values, as read(view) gives them, if it has this shape.
template <typename Values, typename Read>
Status read_tensor(const Safetensors& file, const std::string& name, const TensorShape& shape, Values& out,
                   const Read& read) {
  const auto view = find(file, name, shape);
  if (!view) return view.error();
  auto values = read(**view);
  if (!values) return bad_tensor(name, values.error().message);
  out = std::move(*values);
  return {};
}

}  // namespace

Status read_floats(const Safetensors& file, const std::string& name, const TensorShape& shape,
                   std::vector<float>& out) {
  return read_tensor(file, name, shape, out, [&](const TensorView&) { return file.floats(name); });
}

Status read_weights(const Safetensors& file, const std::string& name, const TensorShape& shape,
                    nn::StoredWeights& out) {
  return read_tensor(file, name, shape, out, [&](const TensorView&) { return file.weights(name); });
}

Status read_integers(const Safetensors& file, const std::string& name, const TensorShape& shape,
                     std::vector<int32_t>& out) {
  return read_tensor(file, name, shape, out, [](const TensorView& view) { return view.integers(); });
}

}  // namespace compass
