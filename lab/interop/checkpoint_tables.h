// The integer tables of a checkpoint's codec: stored ones, or computed as CompressAI's update() would.
#pragma once

#include <optional>
#include <vector>

#include "core/result.h"
#include "entropy/cdf_tables.h"
#include "interop/part_reader.h"
#include "model_file/description.h"

namespace compass {

struct FoundTables {
  CdfTables tables;
  bool computed = false;  // the checkpoint had no CDF buffers
};

// The rows of the entropy bottleneck, one for each of its `channels`; computed from the learned density if
// need be. Errors: kBadFile naming the key: bad tables, another number of channels, no density or one that
// makes no table.
Result<FoundTables> channel_tables(PartReader& reader, int channels);

// y's 64 rows as the checkpoint has them; nothing if it has no CDF buffers: priors/gaussian_tables.h makes
// the same. Errors: kBadFile: bad tables, or a table of scales other than the usual one, which model files do
// not express.
Result<std::optional<CdfTables>> gaussian_rows(PartReader& reader);

// The rows as a matrix [rows, longest row], padded with zeros, in C order: what CompressAI's buffers and z's
// tensor in a model file hold.
std::vector<int32_t> padded_cdf(const CdfTables& tables);

}  // namespace compass
