#include "interop/export_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "core/printable.h"
#include "entropy/cdf_tables.h"
#include "interop/checkpoint_tables.h"
#include "interop/reference_names.h"
#include "model_file/weights.h"
#include "model_writer/changed_model.h"
#include "priors/gaussian_tables.h"

namespace compass {
namespace {

constexpr float kTailMass = 1e-9F;  // CompressAI's, also its floor for likelihoods

class Exporter {
 public:
  explicit Exporter(const Safetensors& model) : model_(model) {}

  Result<std::vector<uint8_t>> run(const Description& description) {
    const bool layered = description.enhancement.has_value();
    const auto prefix = [&](std::string_view dictionary) {
      return layered ? fmt::format("{}.", dictionary) : "";
    };
    if (const Status s = add_codec(description.base, "base.", prefix(kBaseDictionary)); !s) {
      return s.error();
    }
    if (layered) {
      if (const Status s =
              add_codec(*description.enhancement, "enhancement.", prefix(kEnhancementDictionary));
          !s) {
        return s.error();
      }
      if (const Status s = copy_all(liff_names(*description.liff), "liff.", prefix(kLiffDictionary), true);
          !s) {
        return s.error();
      }
    }
    writer_.set_metadata("format", "pt");  // what safetensors' own PyTorch writer puts there
    return writer_.finish();
  }

 private:
  Status copy_all(const std::vector<NamePair>& names, const std::string& ours, const std::string& theirs,
                  bool required) {
    for (const NamePair& name : names) {
      if (const Status copied = copy(ours + name.ours, theirs + name.theirs, required); !copied) {
        return copied;
      }
    }
    return {};
  }

  static Error bad(const std::string& name, const std::string& what) {
    return {ErrorCode::kModel, fmt::format("tensor {} {}", printable(name), what)};
  }

  Status copy(const std::string& from, const std::string& to, bool required) {
    const TensorView* view = model_.find(from);
    if (view == nullptr) {
      return required ? Status(bad(from, "is missing")) : Status();
    }
    const bool scaled = is_scale_tensor(model_, from + ".step");
    if (scaled || view->dtype == DType::kF32 || view->dtype == DType::kF16 || view->dtype == DType::kBF16) {
      const auto values = model_.floats(from);
      if (!values) {
        return bad(from, values.error().message);
      }
      writer_.add_floats(to, view->shape, *values);
    } else {
      const auto values = view->integers();
      if (!values) {
        return bad(from, values.error().message);
      }
      writer_.add_integers(to, view->shape, *values);
    }
    return {};
  }

  void add_constants(const std::string& key, std::span<const float> values) {
    writer_.add_floats(key, {static_cast<int64_t>(values.size())}, values);
  }
  void add_constant(const std::string& key, float value) { add_constants(key, {&value, 1}); }

  void add_tables(const std::string& to, const CdfTables& tables) {
    const std::vector<int32_t> padded = padded_cdf(tables);
    const int64_t rows = tables.rows();
    writer_.add_integers(to + "_quantized_cdf", {rows, static_cast<int64_t>(padded.size()) / rows}, padded);
    writer_.add_integers(to + "_cdf_length", {rows}, tables.lengths());
    writer_.add_integers(to + "_offset", {rows}, tables.offsets());
  }

  Status add_codec(const CodecDescription& codec, const std::string& ours, const std::string& theirs) {
    const std::string own = ours + std::string(bottleneck_of(codec));
    const auto channels =
        read_channel_tables(model_, own, codec.factorised() ? codec.latent_channels : codec.hyper_channels);
    if (!channels) {
      return channels.error();
    }
    if (const Status s = copy_all(codec_names(codec), ours, theirs, true); !s) {
      return s;
    }
    if (const Status s = copy_all(density_names(codec), ours, theirs, false); !s) {
      return s;
    }
    const std::string bottleneck = theirs + "entropy_bottleneck.";
    add_tables(bottleneck, *channels);
    if (model_.find(own + ".density.quantiles") == nullptr) {
      if (const Status s = add_quantiles(own, bottleneck, *channels); !s) {
        return s;
      }
    }
    const float target = std::log(2.0F / kTailMass - 1.0F);
    add_constants(bottleneck + "target", std::array{-target, 0.0F, target});
    add_constant(bottleneck + "likelihood_lower_bound.bound", kTailMass);

    for (const NamePair& name : codec_names(codec)) {
      add_gdn_constants(theirs + name.theirs);
    }
    return codec.factorised() ? Status() : add_conditional(codec, ours, theirs + "gaussian_conditional.");
  }

  Status add_conditional(const CodecDescription& codec, const std::string& ours,
                         const std::string& conditional) {
    const auto y = read_latent_tables(model_, ours + "y", codec.trellis ? 2 : 1);
    if (!y) {
      return y.error();
    }
    add_tables(conditional, *y);
    add_constants(conditional + "scale_table", kScaleTable);
    add_constant(conditional + "scale_bound", kSmallestScale);
    add_constant(conditional + "lower_bound_scale.bound", kSmallestScale);
    add_constant(conditional + "likelihood_lower_bound.bound", kTailMass);
    return {};
  }

  // PyTorch keeps GDN's bounds beside its parameters.
  void add_gdn_constants(const std::string& parameter) {
    for (const auto& [ending, bound] : {std::pair{".beta", std::sqrt(nn::kGdnMinBeta + nn::kGdnPedestal)},
                                        std::pair{".gamma", std::ldexp(1.0, -18)}}) {
      if (parameter.ends_with(ending)) {
        add_constant(parameter + "_reparam.pedestal", static_cast<float>(nn::kGdnPedestal));
        add_constant(parameter + "_reparam.lower_bound.bound", static_cast<float>(bound));
      }
    }
  }

  // Quantiles that span the table's symbols around the median: update() would give rows of the same extent.
  Status add_quantiles(const std::string& own, const std::string& bottleneck, const CdfTables& tables) {
    std::vector<float> medians(static_cast<size_t>(tables.rows()), 0.0F);
    if (const TensorView* view = model_.find(own + ".median")) {
      auto values = view->floats();
      if (!values || values->size() != medians.size()) {
        return bad(own + ".median", values ? "has the wrong size" : values.error().message);
      }
      medians = std::move(*values);
    }
    std::vector<float> quantiles;
    for (int r = 0; r < tables.rows(); ++r) {
      const CdfRow row = tables.row(r);
      const float median = medians[static_cast<size_t>(r)];
      quantiles.push_back(median + static_cast<float>(row.offset));
      quantiles.push_back(median);
      quantiles.push_back(median + static_cast<float>(row.offset + row.escape - 1));
    }
    writer_.add_floats(bottleneck + "quantiles", {tables.rows(), 1, 3}, quantiles);
    return {};
  }

  const Safetensors& model_;
  SafetensorsWriter writer_;
};

}  // namespace

Result<std::vector<uint8_t>> export_state_dict(const Safetensors& model) {
  const auto description = description_of(model);
  if (!description) return description.error();
  return Exporter(model).run(*description);
}

}  // namespace compass
