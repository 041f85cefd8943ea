#include "networks/liff.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "nn/footprint.h"
#include "nn/plan_cache.h"

namespace compass {
namespace {

// Samples [begin, end) of an axis.
GridAxis slice(const GridAxis& axis, std::ptrdiff_t begin, std::ptrdiff_t end) {
  return {{axis.source.begin() + begin, axis.source.begin() + end},
          {axis.relative.begin() + begin, axis.relative.begin() + end}};
}

}  // namespace

struct Liff::Parts {
  Parts(std::shared_ptr<const Model> m, nn::Context& c)
      : model(std::move(m)),
        context(c),
        features(*model->description().liff, model->liff_weights(), c),
        pixel_weights(*model->description().liff, model->liff_weights(), c) {}

  // Source pixels from the first to the last row and column, and what their pixel weights multiply.
  Rect around(const Geometry& g, std::pair<int, int> of_rows, std::pair<int, int> of_cols) const {
    const auto [top, bottom] = of_rows;
    const auto [left, right] = of_cols;
    return nn::convolved({left, top, right + 1 - left, bottom + 1 - top}, model->description().liff->unfold,
                         g.below, context.reach());
  }

  // The axes of a grid: one of LIFF, of LIIF those before and after the target.
  bool corners() const { return model->description().liff->kind == LiffKind::kLiif; }
  GridAxis axis(int sources, int targets, int first, int count) const {
    const GridShift shift = corners() ? GridShift::kBefore : GridShift::kNone;
    return grid_axis(model->description().nearest, sources, targets, first, count, shift);
  }
  GridAxis axis_after(int sources, int targets, int first, int count) const {
    if (!corners()) return {};
    return grid_axis(model->description().nearest, sources, targets, first, count, GridShift::kAfter);
  }

  // A plan without its kernels: the grid and the rectangles.
  LiffPlan sources(const Geometry& g, Rect out) const;
  LiffPlan make_plan(const Geometry& g, Rect out);

  // A plan's `below` alone. Source pixels rise with their target pixels, so that the first and last ones
  // suffice. The whole grid of a large target might not fit in memory.
  Rect footprint(const Geometry& g, Rect out) const;

  std::shared_ptr<const Model> model;
  nn::Context& context;
  LiffFeatures features;
  LiffPixelWeights pixel_weights;
  nn::PlanCache<std::array<int, 11>, LiffPlan> plans;  // by the sizes of the geometry, the part and reach
};

LiffPlan Liff::Parts::sources(const Geometry& g, Rect out) const {
  LiffPlan plan{
      .out = out,
      .token_y = 2.0F / static_cast<float>(g.token_target.height) * static_cast<float>(g.below.height),
      .token_x = 2.0F / static_cast<float>(g.token_target.width) * static_cast<float>(g.below.width),
      .rows = axis(g.below.height, g.target.height, out.y, out.height),
      .cols = axis(g.below.width, g.target.width, out.x, out.width),
      .rows_after = axis_after(g.below.height, g.target.height, out.y, out.height),
      .cols_after = axis_after(g.below.width, g.target.width, out.x, out.width),
      .below_full = g.below};
  const GridAxis& last_rows = corners() ? plan.rows_after : plan.rows;
  const GridAxis& last_cols = corners() ? plan.cols_after : plan.cols;
  plan.features = around(g, {plan.rows.source.front(), last_rows.source.back()},
                         {plan.cols.source.front(), last_cols.source.back()});
  plan.below = features.footprint(g.below, plan.features);
  return plan;
}

Rect Liff::Parts::footprint(const Geometry& g, Rect out) const {
  const auto ends = [this](int sources, int targets, int first, int count) {
    const int last = first + count - 1;
    const GridAxis end = corners() ? axis_after(sources, targets, last, 1) : axis(sources, targets, last, 1);
    return std::pair{axis(sources, targets, first, 1).source.front(), end.source.front()};
  };
  const Rect seen = around(g, ends(g.below.height, g.target.height, out.y, out.height),
                           ends(g.below.width, g.target.width, out.x, out.width));
  return features.footprint(g.below, seen);
}

LiffPlan Liff::Parts::make_plan(const Geometry& g, Rect out) {
  LiffPlan plan = sources(g, out);
  plan.making_features = features.plan(g.below, plan.features);
  std::ptrdiff_t done = 0;
  for (const int sources : plan.making_features.sources) {
    const std::vector<int>& source = plan.rows.source;
    const auto end = std::lower_bound(source.begin() + done, source.end(), sources) - source.begin();
    LiffPlan::Stripe& stripe = plan.stripes.emplace_back();
    stripe.first = static_cast<int>(done);
    stripe.rows = slice(plan.rows, done, end);
    if (end == done) continue;
    stripe.pixel_weights = pixel_weights.plan(g.below, plan.sources(stripe));
    stripe.pixel_weights.add_kernels(plan.kernels);
    done = end;
  }
  for (const auto& stripe : plan.making_features.stripes) {
    for (const auto& rows : stripe) rows.conv.add_kernels(plan.kernels);
  }
  plan.map_bytes = nn::peak_bytes(plan.making_features.maps);
  return plan;
}

Liff::Liff(std::shared_ptr<const Model> model, nn::Context& context)
    : parts_(std::make_unique<Parts>(std::move(model), context)) {}
Liff::~Liff() = default;

bool Liff::adds_bicubic() const {
  return parts_->model->description().liff->bicubic_residual;
}

Tensor Liff::predict(const Tensor& below, Size target, Size token_target) {
  return predict(below, {{below.width, below.height}, target, token_target}, whole(target));
}

Tensor Liff::predict(const Tensor& below, const Geometry& g, Rect out) {
  Tensor result;
  result.reshape(3, out.height, out.width);
  predict(*plan(g, out), below, out, result);
  return result;
}

std::shared_ptr<const LiffPlan> Liff::plan(const Geometry& g, Rect out) const {
  return parts_->plans.get(
      {g.below.width, g.below.height, g.target.width, g.target.height, g.token_target.width,
       g.token_target.height, out.x, out.y, out.width, out.height, static_cast<int>(parts_->context.reach())},
      [&] { return parts_->make_plan(g, out); });
}

void Liff::predict(const LiffPlan& plan, const Tensor& below, Rect target_part, Tensor& target) {
  Parts& p = *parts_;
  assert(below.width == plan.below.width && below.height == plan.below.height);
  const auto sources = static_cast<double>(plan.features.size().pixels());
  const auto targets = static_cast<double>(plan.out.size().pixels());
  const auto stripes = static_cast<double>(plan.stripes.size());
  LiffFeatures::Stripes features(p.context, plan.making_features,
                                 nn::view_of(below, plan.below, plan.below_full));
  for (const LiffPlan::Stripe& stripe : plan.stripes) {
    nn::MapView view;
    {
      const nn::StageTimer timer(p.context.times(), "liff features",
                                 p.features.macs_per_pixel() * sources / stripes);
      view = features.next();
    }
    if (stripe.rows.source.empty()) continue;
    const double share = static_cast<double>(stripe.rows.source.size()) / plan.out.height;
    const nn::StageTimer timer(
        p.context.times(), "liff mlp",
        (p.pixel_weights.macs_per_source() * sources + p.pixel_weights.macs_per_target() * targets) * share);
    p.pixel_weights.run(stripe.pixel_weights, view, {plan.sources(stripe), plan.token_y, plan.token_x},
                        target.pixel(plan.out.y + stripe.first - target_part.y, plan.out.x - target_part.x),
                        static_cast<size_t>(target.width) * 3);
  }
}

Rect Liff::footprint(const Geometry& g, Rect out) const {
  return parts_->footprint(g, out);
}

Liff::Cost Liff::cost(Size below, Size target) const {
  return {.features = parts_->features.macs_per_pixel() * static_cast<double>(below.pixels()),
          .mlp = parts_->pixel_weights.macs_per_source() * static_cast<double>(below.pixels()) +
                 parts_->pixel_weights.macs_per_target() * static_cast<double>(target.pixels())};
}

Liff::Cost Liff::cost_as_written(Size below, Size target) const {
  return {
      .features = parts_->features.macs_per_pixel() * static_cast<double>(below.pixels()),
      .mlp = liff_macs_as_written(*parts_->model->description().liff) * static_cast<double>(target.pixels())};
}

}  // namespace compass
