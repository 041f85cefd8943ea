// The names of the networks' tensors: in the authors' implementation and CompressAI, and in a model file.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model_file/description.h"

namespace compass {

// The dictionaries of a checkpoint of the whole system, and, with a dot, the prefixes of an exported model's
// names.
inline constexpr std::string_view kBaseDictionary = "base_state_dict";
inline constexpr std::string_view kEnhancementDictionary = "residual_state_dict";
inline constexpr std::string_view kLiffDictionary = "conti_sr_state_dict";

// "base_state_dict.g_a.0.bias" -> ("base_state_dict", "g_a.0.bias"). A name without such a prefix: ("",
// name).
std::pair<std::string_view, std::string_view> split_exported_name(std::string_view name);

// A state_dict key in the one spelling used here: without the wrappers' prefixes ("module." of DataParallel,
// "_orig_mod." of torch.compile), and with "_matrix0" where releases of CompressAI wrote "_matrices.0" or
// "matrices.0" (biases and factors likewise).
std::string canonical_key(std::string_view key);

// One tensor's two names: `ours` without the codec's prefix, `theirs` without the dictionary's.
struct NamePair {
  std::string ours;
  std::string theirs;
};

// Networks g_a, g_s, h_a, h_s and h_scales. Theirs counts an activation as a module of its own, as a PyTorch
// Sequential does: our h_a.1 behind an op with an activation is their h_a.2.
std::vector<NamePair> codec_names(const CodecDescription& codec);

std::vector<NamePair> liff_names(const LiffDescription& liff);

// The learned density of z, or with a factorised prior of y: five matrices and biases, four factors, and the
// quantiles.
std::vector<NamePair> density_names(const CodecDescription& codec);

// What that density is of, in names: "z" or "y".
std::string_view bottleneck_of(const CodecDescription& codec);

// Whether the key is a constant that PyTorch stores beside the parameters (bounds, pedestals, the scale
// table).
bool is_constant_key(std::string_view key);

}  // namespace compass
