// Which dictionaries of a checkpoint are the base codec, the enhancement codec and LIFF.
#pragma once

#include <optional>
#include <string>

#include "core/result.h"
#include "interop/checkpoint.h"

namespace compass {

enum class ImportKind {
  kAuto,        // the whole system if it is there, else the one codec
  kCompass,     // base codec, enhancement codec and LIFF
  kMeanScale,   // one mean-scale hyperprior: a one-layer model
  kFactorised,  // one codec with a factorised prior: a one-layer model
};

// One network's tensors under canonical keys (reference_names.h).
struct CheckpointPart {
  Checkpoint* source = nullptr;  // not owned
  std::string path;              // of its dictionary, for messages
  StateDict tensors;
};

struct CheckpointParts {
  CheckpointPart base;
  std::optional<CheckpointPart> enhancement;  // both or neither
  std::optional<CheckpointPart> liff;
};

// Looks for the dictionaries by the names the authors' training code gives them, then by what they hold. With
// a `second` checkpoint the base codec comes from `first`, the other two from `second`; both must outlive the
// result. Errors: kBadFile, saying what is missing or ambiguous and what there is; kUsage if `second` is
// given for a single codec.
Result<CheckpointParts> find_parts(Checkpoint& first, Checkpoint* second, ImportKind kind);

}  // namespace compass
