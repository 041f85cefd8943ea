#include "networks/liff.h"

#include <cassert>
#include <utility>

#include "model_file/liff_grid.h"
#include "networks/liff_features.h"
#include "networks/liff_filters.h"

namespace compass {
namespace {

// What the target pixels of one rectangle are made of.
struct Sources {
  GridAxis rows, cols;  // their nearest source pixels
  Rect features;        // these and their 3x3 neighbours: the features that the filters look at
  Rect below;           // the pixels below that those features are made of
};

}  // namespace

struct Liff::Parts {
  Parts(std::shared_ptr<const Model> m, nn::Context& c)
      : model(std::move(m)),
        context(c),
        features(*model->description().liff, model->liff_weights(), c),
        filters(*model->description().liff, model->liff_weights(), c) {}

  Sources sources(const Geometry& g, Rect out) const {
    const NearestRule rule = model->description().nearest;
    Sources s{.rows = grid_axis(rule, g.below.height, g.target.height, out.y, out.height),
              .cols = grid_axis(rule, g.below.width, g.target.width, out.x, out.width),
              .features = {},
              .below = {}};
    s.features = around(g, {s.rows.source.front(), s.rows.source.back()},
                        {s.cols.source.front(), s.cols.source.back()});
    s.below = grown(s.features, features.halo(), g.below);
    return s;
  }

  // Sources::below alone. Sources rise with their targets, so that the first and the last one are enough:
  // what is asked about may be far larger than what there is memory for.
  Rect footprint(const Geometry& g, Rect out) const {
    const NearestRule rule = model->description().nearest;
    const auto ends = [rule](int sources, int targets, int first, int count) {
      return std::pair{grid_axis(rule, sources, targets, first, 1).source.front(),
                       grid_axis(rule, sources, targets, first + count - 1, 1).source.front()};
    };
    const Rect seen = around(g, ends(g.below.height, g.target.height, out.y, out.height),
                             ends(g.below.width, g.target.width, out.x, out.width));
    return grown(seen, features.halo(), g.below);
  }

  // Source pixels from the first to the last row and column, and their neighbours.
  static Rect around(const Geometry& g, std::pair<int, int> rows, std::pair<int, int> cols) {
    const Rect nearest{cols.first, rows.first, cols.second + 1 - cols.first, rows.second + 1 - rows.first};
    return grown(nearest, 1, g.below);
  }

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
  return predict(below, {{below.width, below.height}, target, token_target}, whole(target));
}

Tensor Liff::predict(const Tensor& below, const Geometry& g, Rect out) {
  Tensor result;
  result.reshape(3, out.height, out.width);
  predict(below, g, out, out, result);
  return result;
}

void Liff::predict(const Tensor& below, const Geometry& g, Rect out, Rect target_part, Tensor& target) {
  Parts& p = *parts_;
  const Sources s = p.sources(g, out);
  assert(below.width == s.below.width && below.height == s.below.height);

  const double pixels = static_cast<double>(s.features.size().pixels());
  nn::Map features;
  {
    const nn::StageTimer timer(p.context.times(), "liff features", p.features.macs_per_pixel() * pixels);
    features = p.features.run(nn::view_of(below, s.below, g.below), s.features);
  }
  const float token_y = 2.0F / static_cast<float>(g.token_target.height) * static_cast<float>(g.below.height);
  const float token_x = 2.0F / static_cast<float>(g.token_target.width) * static_cast<float>(g.below.width);
  const nn::StageTimer timer(p.context.times(), "liff filters",
                             p.filters.macs_per_source() * pixels +
                                 p.filters.macs_per_target() * static_cast<double>(out.size().pixels()));
  p.filters.run(features.view(p.context.compute()), s.rows, s.cols, token_y, token_x,
                target.pixel(out.y - target_part.y, out.x - target_part.x),
                static_cast<size_t>(target.width) * 3);
}

void Liff::prepare(const Geometry& g, Rect out) {
  Parts& p = *parts_;
  const Sources s = p.sources(g, out);
  const Tensor nothing;  // passes look at shapes alone
  const nn::Map features = p.features.run(nn::view_of(nothing, s.below, g.below), s.features);
  p.filters.run(features.view(p.context.compute()), s.rows, s.cols, 0.0F, 0.0F, nullptr, 0);
}

Rect Liff::footprint(const Geometry& g, Rect out) const {
  return parts_->footprint(g, out);
}

Liff::Cost Liff::cost(Size below, Size target) const {
  return {.features = parts_->features.macs_per_pixel() * static_cast<double>(below.pixels()),
          .filters = parts_->filters.macs_per_source() * static_cast<double>(below.pixels()) +
                     parts_->filters.macs_per_target() * static_cast<double>(target.pixels())};
}

}  // namespace compass
