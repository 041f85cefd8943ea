// Checkpoints of the authors' models and of CompressAI's mean-scale hyperprior as model files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"
#include "interop/checkpoint_parts.h"
#include "model_file/description.h"

namespace compass {

struct ImportOptions {
  ImportKind kind = ImportKind::kAuto;
  ScaleToken scale_token = ScaleToken::kOwn;
  double lambda = 1.0;  // recorded as the model's one rate point; checkpoints do not say theirs
};

struct ImportedModel {
  std::vector<uint8_t> file;         // a model file that Model::parse accepts
  std::vector<std::string> summary;  // what was found, a line each
  std::vector<std::string> notes;    // what was odd: keys left over, tables that had to be computed
};

// Builds the description from the widths found and copies parameters unchanged (as F32). Integer tables come
// from the checkpoint's CDF buffers. Where those are absent or empty (a checkpoint from before CompressAI's
// update()), they are computed from the learned density, exactly as update() would. The result is loaded once
// as a check. `second`: a checkpoint that holds the enhancement codec and LIFF, or null. Errors: kBadFile
// naming the key.
Result<ImportedModel> import_checkpoint(Checkpoint& first, Checkpoint* second, const ImportOptions& options);

}  // namespace compass
