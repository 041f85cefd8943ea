#include "model/liff.h"

#include <algorithm>
#include <cassert>

#include "model/liff_features.h"
#include "model/liff_filters.h"
#include "model/liff_grid.h"

namespace compass {
namespace {

// Source samples that the targets [first, first + count) need features of, 3x3 neighbours included.
struct AxisNeed {
  int begin, end;
};

AxisNeed features_needed(const GridAxis& axis, int sources) {
  return {std::max(axis.source.front() - 1, 0), std::min(axis.source.back() + 2, sources)};
}

}  // namespace

struct Liff::Parts {
  Parts(std::shared_ptr<const Model> m, nn::Context& c)
      : model(std::move(m)),
        context(c),
        features(*model->description().liff, model->liff_weights(), c),
        filters(*model->description().liff, model->liff_weights(), c) {}

  std::shared_ptr<const Model> model;
  nn::Context& context;
  LiffFeatures features;
  LiffFilters filters;
};

Liff::Liff(std::shared_ptr<const Model> model, nn::Context& context)
    : parts_(std::make_unique<Parts>(std::move(model), context)) {}
Liff::~Liff() = default;

bool Liff::adds_bicubic() const {
  return parts_->model->description().liff->bicubic_residual;
}

Tensor Liff::predict(const Tensor& below, Size target, Size token_target) {
  return predict(below, {{below.width, below.height}, target, token_target},
                 {0, 0, target.width, target.height});
}

Tensor Liff::predict(const Tensor& below, const Geometry& g, Rect out) {
  Tensor result;
  result.reshape(3, out.height, out.width);
  predict(below, g, out, out, result);
  return result;
}

void Liff::predict(const Tensor& below, const Geometry& g, Rect out, Rect target_part, Tensor& target) {
  Parts& p = *parts_;
  const NearestRule rule = p.model->description().nearest;
  const GridAxis rows = grid_axis(rule, g.below.height, g.target.height, out.y, out.height);
  const GridAxis cols = grid_axis(rule, g.below.width, g.target.width, out.x, out.width);
  const AxisNeed ys = features_needed(rows, g.below.height);
  const AxisNeed xs = features_needed(cols, g.below.width);
  const Rect part{xs.begin, ys.begin, xs.end - xs.begin, ys.end - ys.begin};
  const Rect held = footprint(g, out);
  assert(below.width == held.width && below.height == held.height);

  nn::Map features;
  {
    const nn::StageTimer timer(p.context.times(), "liff features",
                               p.features.macs_per_pixel() * static_cast<double>(part.size().pixels()));
    features = p.features.run(nn::view_of(below, held, g.below), part);
  }
  const float token_y = 2.0F / static_cast<float>(g.token_target.height) * static_cast<float>(g.below.height);
  const float token_x = 2.0F / static_cast<float>(g.token_target.width) * static_cast<float>(g.below.width);
  const nn::StageTimer timer(p.context.times(), "liff filters",
                             p.filters.macs_per_source() * static_cast<double>(part.size().pixels()) +
                                 p.filters.macs_per_target() * static_cast<double>(out.size().pixels()));
  p.filters.run(features.view(p.context.compute()), rows, cols, token_y, token_x,
                target.pixel(out.y - target_part.y, out.x - target_part.x),
                static_cast<size_t>(target.width) * 3);
}

void Liff::prepare(const Geometry& g, Rect out) {
  Parts& p = *parts_;
  const NearestRule rule = p.model->description().nearest;
  const GridAxis rows = grid_axis(rule, g.below.height, g.target.height, out.y, out.height);
  const GridAxis cols = grid_axis(rule, g.below.width, g.target.width, out.x, out.width);
  const AxisNeed ys = features_needed(rows, g.below.height);
  const AxisNeed xs = features_needed(cols, g.below.width);
  const Tensor nothing;  // passes look at shapes alone
  const nn::Map features = p.features.run(nn::view_of(nothing, footprint(g, out), g.below),
                                          {xs.begin, ys.begin, xs.end - xs.begin, ys.end - ys.begin});
  p.filters.run(features.view(p.context.compute()), rows, cols, 0.0F, 0.0F, nullptr, 0);
}

Rect Liff::footprint(const Geometry& g, Rect out) const {
  const NearestRule rule = parts_->model->description().nearest;
  const int reach = parts_->features.halo();
  const auto span = [&](int sources, int targets, int first, int count) {
    const AxisNeed need = features_needed(grid_axis(rule, sources, targets, first, count), sources);
    return AxisNeed{std::max(need.begin - reach, 0), std::min(need.end + reach, sources)};
  };
  const AxisNeed ys = span(g.below.height, g.target.height, out.y, out.height);
  const AxisNeed xs = span(g.below.width, g.target.width, out.x, out.width);
  return {xs.begin, ys.begin, xs.end - xs.begin, ys.end - ys.begin};
}

Liff::Cost Liff::cost(Size below, Size target) const {
  return {.features = parts_->features.macs_per_pixel() * static_cast<double>(below.pixels()),
          .filters = parts_->filters.macs_per_source() * static_cast<double>(below.pixels()) +
                     parts_->filters.macs_per_target() * static_cast<double>(target.pixels())};
}

}  // namespace compass
