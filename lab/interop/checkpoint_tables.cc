#include "interop/checkpoint_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "priors/factorised_prior.h"
#include "priors/gaussian_tables.h"

namespace compass {
namespace {

constexpr std::string_view kBottleneck = "entropy_bottleneck.";
constexpr std::string_view kGaussian = "gaussian_conditional.";
// Bounds on what computing z's tables may cost. Published models have 5 layers of width 3 and some 10,000
// symbols.
constexpr int kMaxPriorLayers = 8;
constexpr int64_t kMaxPriorWidth = 16;
constexpr double kMaxPriorSymbols = 1'000'000;

// The tables in the checkpoint's CDF buffers under `prefix`; nothing if it has none.
Result<std::optional<CdfTables>> stored_tables(PartReader& reader, std::string_view prefix) {
  const auto key = [&](std::string_view name) { return fmt::format("{}{}", prefix, name); };
  const CheckpointTensor* const buffers[] = {reader.find(key("_quantized_cdf")),
                                             reader.find(key("_cdf_length")), reader.find(key("_offset"))};
  if (std::find(std::begin(buffers), std::end(buffers), nullptr) != std::end(buffers)) {
    return std::optional<CdfTables>();
  }
  const auto cdf = reader.integers(key("_quantized_cdf"));
  const auto lengths = reader.integers(key("_cdf_length"));
  const auto offsets = reader.integers(key("_offset"));
  if (!cdf || !lengths || !offsets) {
    return !cdf ? cdf.error() : !lengths ? lengths.error() : offsets.error();
  }
  auto tables = CdfTables::from_padded(*cdf, *lengths, *offsets);
  if (!tables) {
    return reader.bad(key("_quantized_cdf"), tables.error().message);
  }
  return std::optional(std::move(*tables));
}

// The learned density, if the checkpoint has it whole.
Result<FactorisedPrior> read_prior(PartReader& reader, int channels) {
  FactorisedPrior prior;
  prior.channels = channels;
  for (int i = 0;; ++i) {
    const std::string matrix = fmt::format("{}_matrix{}", kBottleneck, i);
    if (reader.find(matrix) == nullptr) {
      break;
    }
    const auto& shape = reader.shape(matrix);
    if (i >= kMaxPriorLayers || shape.size() != 3 || shape[0] != prior.channels ||
        shape[1] > kMaxPriorWidth || shape[2] > kMaxPriorWidth) {
      return reader.bad(matrix, fmt::format("has shape [{}]", fmt::join(shape, ",")));
    }
    FactorisedPrior::Layer layer;
    layer.out = static_cast<int>(shape[1]);
    layer.in = static_cast<int>(shape[2]);
    auto weights = reader.floats(matrix);
    auto bias = reader.floats(fmt::format("{}_bias{}", kBottleneck, i));
    if (!weights || !bias) {
      return !weights ? weights.error() : bias.error();
    }
    layer.matrix = std::move(*weights);
    layer.bias = std::move(*bias);
    const std::string factor = fmt::format("{}_factor{}", kBottleneck, i);
    if (reader.find(factor) != nullptr) {
      auto values = reader.floats(factor);
      if (!values) {
        return values.error();
      }
      layer.factor = std::move(*values);
    }
    prior.layers.push_back(std::move(layer));
  }
  auto quantiles = reader.floats(fmt::format("{}quantiles", kBottleneck));
  if (!quantiles) {
    return quantiles.error();
  }
  prior.quantiles = std::move(*quantiles);
  if (const Status whole = prior.check(); !whole) {
    return reader.bad("entropy_bottleneck", whole.error().message);
  }
  double symbols = 0;
  for (size_t i = 0; i + 2 < prior.quantiles.size(); i += 3) {
    symbols += std::abs(static_cast<double>(prior.quantiles[i + 2]) - prior.quantiles[i]) + 2;
  }
  if (symbols > kMaxPriorSymbols) {
    return reader.bad("entropy_bottleneck.quantiles",
                      fmt::format("span {:.0f} symbols; that is absurd", symbols));
  }
  return prior;
}

}  // namespace

Result<FoundTables> channel_tables(PartReader& reader, int channels) {
  auto stored = stored_tables(reader, kBottleneck);
  if (!stored) {
    return stored.error();
  }
  if (*stored) {
    if ((*stored)->rows() != channels) {
      return reader.bad("entropy_bottleneck._quantized_cdf",
                        fmt::format("has {} rows for {} channels", (*stored)->rows(), channels));
    }
    return FoundTables{std::move(**stored), false};
  }
  const auto prior = read_prior(reader, channels);
  if (!prior) {
    return prior.error();
  }
  auto computed = factorised_tables(*prior, ZOrigin::kMedian);
  if (!computed) {
    return reader.bad("entropy_bottleneck", computed.error().message);
  }
  return FoundTables{std::move(*computed), true};
}

Result<std::optional<CdfTables>> gaussian_rows(PartReader& reader) {
  const std::string scales_key = fmt::format("{}scale_table", kGaussian);
  if (reader.find(scales_key) != nullptr) {
    const auto scales = reader.floats(scales_key);
    if (!scales) {
      return scales.error();
    }
    const bool same = scales->size() == kScaleTable.size() &&
                      std::equal(scales->begin(), scales->end(), kScaleTable.begin(),
                                 [](float a, float b) { return std::abs(a - b) <= 1e-5F * b; });
    if (!same) {
      return reader.bad(scales_key, "is not the usual table of 64 scales from 0.11 to 256");
    }
  }
  auto stored = stored_tables(reader, kGaussian);
  if (!stored) {
    return stored.error();
  }
  if (*stored && (*stored)->rows() != kScales) {
    return reader.bad("gaussian_conditional._quantized_cdf",
                      fmt::format("has {} rows, needs 64", (*stored)->rows()));
  }
  return stored;
}

std::vector<int32_t> padded_cdf(const CdfTables& tables) {
  const std::vector<int32_t> lengths = tables.lengths();
  const auto longest = static_cast<size_t>(*std::max_element(lengths.begin(), lengths.end()));
  std::vector<int32_t> padded;
  for (int r = 0; r < tables.rows(); ++r) {
    const auto row = tables.row(r).cdf;
    padded.insert(padded.end(), row.begin(), row.end());
    padded.resize((static_cast<size_t>(r) + 1) * longest, 0);
  }
  return padded;
}

}  // namespace compass
