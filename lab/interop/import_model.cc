#include "interop/import_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/printable.h"
#include "entropy/cdf_tables.h"
#include "interop/checkpoint_tables.h"
#include "interop/part_reader.h"
#include "interop/reference_names.h"
#include "interop/reference_networks.h"
#include "model_file/model.h"
#include "model_writer/safetensors_writer.h"
#include "priors/gaussian_tables.h"

namespace compass {
namespace {

// GDN's bounds are part of the model file's definition; a checkpoint made with others means other numbers.
Status check_gdn_constants(PartReader& reader) {
  const std::pair<std::string_view, double> kExpected[] = {
      {".beta_reparam.pedestal", nn::kGdnPedestal},
      {".gamma_reparam.pedestal", nn::kGdnPedestal},
      {".beta_reparam.lower_bound.bound", std::sqrt(nn::kGdnMinBeta + nn::kGdnPedestal)},
      {".gamma_reparam.lower_bound.bound", std::ldexp(1.0, -18)},
  };
  for (const auto& [key, tensor] : reader.tensors()) {
    for (const auto& [ending, expected] : kExpected) {
      if (!key.ends_with(ending)) {
        continue;
      }
      const auto value = reader.floats(key);
      if (!value) {
        return value.error();
      }
      if (value->size() != 1 || std::abs((*value)[0] - expected) > 1e-5 * expected) {
        return reader.bad(key,
                          fmt::format("is not {:g}: GDN with other bounds cannot be imported", expected));
      }
    }
  }
  return {};
}

// Whether a lone codec is of the kind that was asked for.
Status check_kind(const CheckpointPart& part, const CodecDescription& codec, ImportKind kind) {
  const bool other = kind == ImportKind::kMeanScale    ? codec.factorised()
                     : kind == ImportKind::kFactorised ? !codec.factorised()
                                                       : false;
  if (!other) {
    return {};
  }
  const auto [is, option] = codec.factorised() ? std::pair{"a factorised prior", "factorised"}
                                               : std::pair{"a mean-scale hyperprior", "mean-scale"};
  const std::string place = part.path.empty() ? "" : printable(part.path) + ": ";
  return Error{ErrorCode::kBadFile, fmt::format("{}is {}: import it with --kind {}", place, is, option)};
}

// Collects the model file.
class Importer {
 public:
  explicit Importer(const ImportOptions& options) : options_(options) {}

  Result<ImportedModel> run(const CheckpointParts& parts) {
    Description description;
    description.nearest = NearestRule::kReference;
    description.scale_token = options_.scale_token;
    description.rate_points = {options_.lambda};
    description.provenance = R"({"data": "imported from a PyTorch checkpoint"})";

    auto base = add_codec(parts.base, "base");
    if (!base) {
      return base.error();
    }
    description.base = std::move(*base);
    const bool factorised = description.base.factorised();
    description.name = parts.enhancement ? "paper" : factorised ? "factorised" : "mean-scale";
    if (parts.enhancement) {
      auto enhancement = add_codec(*parts.enhancement, "enhancement");
      if (!enhancement) {
        return enhancement.error();
      }
      auto liff = add_liff(*parts.liff);
      if (!liff) {
        return liff.error();
      }
      description.enhancement = std::move(*enhancement);
      description.liff = std::move(*liff);
    }
    writer_.set_metadata("format", "compass-model");
    writer_.set_metadata("version", "1");
    writer_.set_metadata(kDescriptionKey, to_json(description));

    result_.summary.insert(result_.summary.begin(),
                           parts.enhancement ? "COMPASS: base layer and any number of enhancement layers"
                           : factorised      ? "factorised prior: one layer"
                                             : "mean-scale hyperprior: one layer");
    result_.summary.push_back(fmt::format("{} parameters in all", with_commas(parameters_)));
    result_.file = writer_.finish();
    writer_ = {};
    const auto loaded = Model::parse(result_.file);
    if (!loaded) {
      return Error{ErrorCode::kBadFile, "the checkpoint makes no working model: " + loaded.error().message};
    }
    result_.summary.push_back(fmt::format("model id {}", to_string((*loaded)->id())));
    return std::move(result_);
  }

 private:
  static std::string with_commas(int64_t value) {
    const std::string digits = std::to_string(value);
    std::string out;
    for (size_t i = 0; i < digits.size(); ++i) {
      if (i > 0 && (digits.size() - i) % 3 == 0) {
        out += ',';
      }
      out += digits[i];
    }
    return out;
  }

  // Copies a tensor as F32. `required`: absent is an error.
  Status copy(PartReader& reader, const std::string& theirs, const std::string& ours, bool required = true) {
    if (!required && reader.find(theirs) == nullptr) {
      return {};
    }
    const auto values = reader.floats(theirs);
    if (!values) {
      return values.error();
    }
    part_parameters_ += static_cast<int64_t>(values->size());
    writer_.add_floats(ours, reader.shape(theirs), *values);
    return {};
  }

  Result<CodecDescription> add_codec(const CheckpointPart& part, const std::string& name) {
    auto codec = describe_codec(part);
    if (!codec) {
      return codec.error();
    }
    if (const Status wanted = check_kind(part, *codec, options_.kind); !wanted) {
      return wanted.error();
    }
    part_parameters_ = 0;
    PartReader reader(part);
    if (const Status same = check_gdn_constants(reader); !same) {
      return same.error();
    }
    for (const NamePair& names : codec_names(*codec)) {
      if (const Status copied = copy(reader, names.theirs, name + "." + names.ours); !copied) {
        return copied.error();
      }
    }
    for (const NamePair& names : density_names(*codec)) {
      if (const Status copied = copy(reader, names.theirs, name + "." + names.ours, false); !copied) {
        return copied.error();
      }
    }
    if (const Status added = add_channel_tables(reader, *codec, name); !added) {
      return added.error();
    }
    if (!codec->factorised()) {
      if (const Status added = add_latent_tables(reader, name); !added) {
        return added.error();
      }
    }
    finish_part(reader, name, widths(*codec));
    return codec;
  }

  // The tables and medians of the entropy bottleneck: of z, or of y with a factorised prior.
  Status add_channel_tables(PartReader& reader, const CodecDescription& codec, const std::string& name) {
    const int64_t channels = codec.factorised() ? codec.latent_channels : codec.hyper_channels;
    const auto made = channel_tables(reader, static_cast<int>(channels));
    if (!made) {
      return made.error();
    }
    const CdfTables& tables = made->tables;
    const std::vector<int32_t> padded = padded_cdf(tables);
    const std::string own = fmt::format("{}.{}", name, bottleneck_of(codec));
    writer_.add_integers(own + ".cdf", {channels, static_cast<int64_t>(padded.size()) / channels}, padded);
    writer_.add_integers(own + ".length", {channels}, tables.lengths());
    writer_.add_integers(own + ".offset", {channels}, tables.offsets());

    const std::string key = "entropy_bottleneck.quantiles";
    const auto quantiles = reader.floats(key);
    if (!quantiles) {
      return quantiles.error();
    }
    if (quantiles->size() != 3 * static_cast<size_t>(channels)) {
      return reader.bad(key, fmt::format("has {} values for {} channels", quantiles->size(), channels));
    }
    std::vector<float> medians(static_cast<size_t>(channels));
    for (size_t c = 0; c < medians.size(); ++c) {
      medians[c] = (*quantiles)[3 * c + 1];
    }
    writer_.add_floats(own + ".median", {channels}, medians);
    if (made->computed) {
      result_.notes.push_back(fmt::format("{}: no CDF buffers for {}; computed from the learned density",
                                          name, bottleneck_of(codec)));
    }
    return {};
  }

  Status add_latent_tables(PartReader& reader, const std::string& name) {
    auto stored = gaussian_rows(reader);
    if (!stored) {
      return stored.error();
    }
    if (!*stored) {
      result_.notes.push_back(name + ": no CDF buffers for y; computed");
    }
    const CdfTables tables = *stored ? std::move(**stored) : gaussian_tables();
    const std::vector<int32_t> cdf = tables.ragged_cdf();
    writer_.add_integers(name + ".y.cdf", {static_cast<int64_t>(cdf.size())}, cdf);
    writer_.add_integers(name + ".y.length", {kScales}, tables.lengths());
    writer_.add_integers(name + ".y.offset", {kScales}, tables.offsets());
    return {};
  }

  Result<LiffDescription> add_liff(const CheckpointPart& part) {
    auto liff = describe_liff(part);
    if (!liff) {
      return liff.error();
    }
    part_parameters_ = 0;
    PartReader reader(part);
    for (const NamePair& names : liff_names(*liff)) {
      if (const Status copied = copy(reader, names.theirs, "liff." + names.ours); !copied) {
        return copied.error();
      }
    }
    finish_part(reader, "liff", widths(*liff));
    return liff;
  }

  void finish_part(const PartReader& reader, const std::string& name, const std::string& what) {
    parameters_ += part_parameters_;
    result_.summary.push_back(
        fmt::format("{}: {}, {} parameters", name, what, with_commas(part_parameters_)));
    const auto left_over = reader.left_over();
    if (!left_over.empty()) {
      constexpr size_t kShown = 8;
      std::vector<std::string> shown;
      for (size_t i = 0; i < std::min(kShown, left_over.size()); ++i) {
        shown.push_back(printable(left_over[i]));
      }
      result_.notes.push_back(
          fmt::format("{}: {} left over and ignored: {}{}", name,
                      left_over.size() == 1 ? "1 key" : fmt::format("{} keys", left_over.size()),
                      fmt::join(shown, ", "), left_over.size() > kShown ? ", ..." : ""));
    }
  }

  ImportOptions options_;
  SafetensorsWriter writer_;
  ImportedModel result_;
  int64_t part_parameters_ = 0;
  int64_t parameters_ = 0;
};

}  // namespace

Result<ImportedModel> import_checkpoint(Checkpoint& first, Checkpoint* second, const ImportOptions& options) {
  const auto parts = find_parts(first, second, options.kind);
  if (!parts) {
    return parts.error();
  }
  return Importer(options).run(*parts);
}

}  // namespace compass
