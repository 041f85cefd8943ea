#include "model_file/model_ids.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <memory>

#include "model_file/weights.h"

namespace compass {
namespace {

// Frees XXH3's state, which is over-aligned and not constructible as a value.
struct FreeState {
  void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
};

ModelId canonical(XXH64_hash_t hash) {
  XXH64_canonical_t bytes;
  XXH64_canonicalFromHash(&bytes, hash);
  ModelId id;
  std::copy(std::begin(bytes.digest), std::end(bytes.digest), id.begin());
  return id;
}

// Of a text and of the tensors that `counts` chooses.
ModelId hash_of(const std::string& text, const Safetensors& file,
                const std::function<bool(std::string_view)>& counts) {
  const std::unique_ptr<XXH3_state_t, FreeState> state(XXH3_createState());
  XXH3_64bits_reset(state.get());
  // Everything of variable length has its length in front, so that different contents are different bytes.
  const auto add = [&](const void* data, uint64_t size) {
    XXH3_64bits_update(state.get(), &size, sizeof(size));
    XXH3_64bits_update(state.get(), data, size);
  };
  add(text.data(), text.size());
  for (const auto& [name, view] : file.tensors()) {
    if (is_density_tensor(name) || !counts(name)) continue;
    add(name.data(), name.size());
    const auto dtype = static_cast<uint8_t>(view.dtype);
    add(&dtype, sizeof(dtype));
    add(view.shape.data(), view.shape.size() * sizeof(int64_t));
    add(view.data.data(), view.data.size());
  }
  return canonical(XXH3_64bits_digest(state.get()));
}

}  // namespace

DecoderId DecoderIds::whole() const {
  if (!upper) return base;
  std::array<uint8_t, 16> both{};
  std::copy(base.begin(), base.end(), both.begin());
  std::copy(upper->begin(), upper->end(), both.begin() + base.size());
  return canonical(XXH3_64bits(both.data(), both.size()));
}

ModelId model_id(const Description& description, const Safetensors& file) {
  return hash_of(description.canonical, file, [](std::string_view) { return true; });
}

DecoderId base_decoder_id(const Description& description, const Safetensors& file) {
  return hash_of(base_decoder_text(description), file,
                 [](std::string_view name) { return is_base_tensor(name) && !is_encoder_tensor(name); });
}

DecoderId upper_decoder_id(const Description& description, const Safetensors& file) {
  return hash_of(upper_decoder_text(description), file,
                 [](std::string_view name) { return !is_base_tensor(name) && !is_encoder_tensor(name); });
}

bool is_encoder_tensor(std::string_view name) {
  const size_t codec = name.find('.');
  return codec != std::string_view::npos &&
         (name.substr(codec).starts_with(".g_a.") || name.substr(codec).starts_with(".h_a."));
}

bool is_base_tensor(std::string_view name) {
  return name.starts_with("base.");
}

std::string to_string(const ModelId& id) {
  std::string out;
  for (const uint8_t byte : id) out += fmt::format("{:02x}", byte);
  return out;
}

std::optional<ModelId> parse_model_id(std::string_view text) {
  ModelId id;
  if (text.size() != 2 * id.size()) return std::nullopt;
  for (size_t i = 0; i < id.size(); ++i) {
    const char* const end = text.data() + 2 * i + 2;
    const auto read = std::from_chars(end - 2, end, id[i], 16);
    if (read.ec != std::errc() || read.ptr != end) return std::nullopt;
  }
  return id;
}

}  // namespace compass
