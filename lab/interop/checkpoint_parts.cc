#include "interop/checkpoint_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/printable.h"
#include "interop/reference_names.h"

namespace compass {
namespace {

Error bad(std::string message) {
  return {ErrorCode::kBadFile, std::move(message)};
}

// The dictionaries of one file, keys canonical.
using Parts = std::vector<CheckpointPart>;

Parts parts_of(Checkpoint& checkpoint) {
  Parts parts;
  for (const auto& [path, dictionary] : checkpoint.dictionaries()) {
    CheckpointPart part{&checkpoint, path, {}};
    for (const auto& [key, tensor] : dictionary) {
      part.tensors.emplace(canonical_key(key), tensor);
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

bool has_prefix(const CheckpointPart& part, std::string_view prefix) {
  const auto at = part.tensors.lower_bound(prefix);
  return at != part.tensors.end() && at->first.starts_with(prefix);
}

// By prefixes rather than whole keys, so that an incomplete network is found and what it lacks can be named.
bool holds_codec(const CheckpointPart& part) {
  return has_prefix(part, "g_a.") && has_prefix(part, "g_s.");
}

bool holds_liff(const CheckpointPart& part) {
  return has_prefix(part, "SFENet1.") && has_prefix(part, "imnet.");
}

// "'a', 'b'", for messages.
std::string list_of(const Parts& parts) {
  std::vector<std::string> names;
  for (const CheckpointPart& part : parts) {
    names.push_back(part.path.empty() ? "the top" : printable(part.path));
  }
  return names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "));
}

bool is_named(const CheckpointPart& part, std::string_view name) {
  const std::string_view path = part.path;
  return path.substr(path.find_last_of('/') + 1) == name;
}

// The one part that passes `test` and whose path ends in `name`; failing that, the only one that passes at
// all. Nothing if there is none; an error if several could be meant.
template <typename Test>
Result<std::optional<CheckpointPart>> pick(const Parts& parts, std::string_view name, Test test) {
  Parts named;
  Parts others;
  for (const CheckpointPart& part : parts) {
    if (test(part)) {
      (is_named(part, name) ? named : others).push_back(part);
    }
  }
  const Parts& found = named.empty() ? others : named;
  if (found.size() > 1) {
    return bad(fmt::format("cannot tell which dictionary is '{}': {}", name, list_of(found)));
  }
  return found.empty() ? std::nullopt : std::optional(found.front());
}

// A codec that is not, by its name, the other codec.
auto codec_but(std::string_view other) {
  return [other](const CheckpointPart& part) { return holds_codec(part) && !is_named(part, other); };
}

}  // namespace

Result<CheckpointParts> find_parts(Checkpoint& first, Checkpoint* second, ImportKind kind) {
  const bool alone = kind == ImportKind::kMeanScale || kind == ImportKind::kFactorised;
  if (second != nullptr && alone) {
    return Error{ErrorCode::kUsage,
                 fmt::format("a {} codec is one layer: it takes no enhancement checkpoint",
                             kind == ImportKind::kMeanScale ? "mean-scale" : "factorised")};
  }
  const Parts base_file = parts_of(first);
  const Parts upper_file = second != nullptr ? parts_of(*second) : base_file;

  auto base = pick(base_file, kBaseDictionary, codec_but(kEnhancementDictionary));
  if (!base) {
    return base.error();
  }
  if (!*base) {
    return bad(fmt::format("no codec found (keys g_a.* and g_s.*); tensors are in: {}", list_of(base_file)));
  }
  CheckpointParts parts{std::move(**base), std::nullopt, std::nullopt};
  if (alone) {
    return parts;
  }

  const bool joined = second != nullptr;
  auto enhancement = pick(upper_file, kEnhancementDictionary, [&](const CheckpointPart& part) {
    // Within one file, the base codec's dictionary is no candidate.
    return codec_but(kBaseDictionary)(part) && (joined || part.path != parts.base.path);
  });
  auto liff = pick(upper_file, kLiffDictionary, holds_liff);
  if (!enhancement || !liff) {
    return !enhancement ? enhancement.error() : liff.error();
  }
  const bool wanted = joined || kind == ImportKind::kCompass || enhancement->has_value() || liff->has_value();
  if (!wanted) {
    return parts;
  }
  if (!*enhancement || !*liff) {
    return bad(
        fmt::format("{} not found: the enhancement layers need both {} and {}; tensors are in: {} "
                    "(to import the base codec alone: --kind mean-scale or factorised)",
                    !*enhancement ? kEnhancementDictionary : kLiffDictionary, kEnhancementDictionary,
                    kLiffDictionary, list_of(upper_file)));
  }
  parts.enhancement = std::move(*enhancement);
  parts.liff = std::move(*liff);
  return parts;
}

}  // namespace compass
