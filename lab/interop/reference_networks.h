// The networks of the paper, described from the shapes of a checkpoint's tensors.
#pragma once

#include "core/result.h"
#include "interop/checkpoint_parts.h"
#include "model_file/description.h"

namespace compass {

// A mean-scale hyperprior (Minnen et al., 2018) in the layout of CompressAI and of the authors' code:
//   g_a  conv, GDN, conv, GDN, conv, GDN, conv        h_a  conv, LeakyReLU, conv, LeakyReLU, conv
//   g_s  deconv, IGDN, deconv, IGDN, deconv, IGDN, deconv   h_s  deconv, LeakyReLU, deconv, LeakyReLU, conv
// or, where nothing tells of a hyperprior, the factorised prior of Balle et al. (2018), g_a and g_s alone.
// Widths and kernels are the tensors'. Errors: kBadFile: keys that are missing, all of them named; a shape
// that does not belong there; or what tells another architecture (a context model, a hyperprior without
// means, a mixture of both kinds).
Result<CodecDescription> describe_codec(const CheckpointPart& part);

// LIFF: the residual dense network and the MLP. Errors as above.
Result<LiffDescription> describe_liff(const CheckpointPart& part);

// "N=128 M=192": the widths as the field names them.
std::string widths(const CodecDescription& codec);
std::string widths(const LiffDescription& liff);

}  // namespace compass
