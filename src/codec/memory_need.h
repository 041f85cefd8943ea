// How much memory coding a picture takes: told from the sizes alone, before anything large is allocated.
#pragma once

#include <optional>
#include <vector>

#include "codec/prediction_window.h"
#include "codec/pyramid_networks.h"
#include "core/result.h"

namespace compass {

struct MemoryQuestion {
  const std::vector<Size>& sizes;  // of all layers
  int top = 0;                     // the highest one coded
  bool bytes = false;              // whether the picture is kept in 8 bits rather than in floats
  bool measure = false;            // encoding: whether the top layer is reconstructed, too
  bool search = false;             // encoding: whether symbols are searched for; after make_search()
  std::optional<Size> size{};      // decoding: resample to this size
  int sink_pixel = 0;  // decoding: bytes that a sink keeps of a pixel, instead of what `bytes` says
};

// Whether an encoder's window keeps rows of a layer's prediction (12 bytes a pixel) once it has passed them.
// It does for later passes over the layer: reconstructing it, or a search, but not a search of a layer above
// kSearchedPixels.
PredictionWindow::Passed passed_rows(Size layer, bool reconstruct, bool search);

// The most bytes held at a time, the picture itself included, to within some ten percent.
double encode_bytes(const PyramidNetworks& networks, const MemoryQuestion& question);
// `wanted[k]` is the part of layer k that is reconstructed.
double decode_bytes(const PyramidNetworks& networks, const MemoryQuestion& question,
                    const std::vector<Rect>& wanted);

// kBadFile if `bytes` are more than `limit`; a limit of 0 is none. `or_else`: what else than raising the
// limit helps.
Status check_memory(double bytes, uint64_t limit, const char* or_else = "");
inline constexpr const char* kOrLess = ", or ask for a smaller layer or region";

}  // namespace compass
