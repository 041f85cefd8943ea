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
  std::optional<Size> size{};      // decoding: exactly this size, whatever the layer's
  bool copied = false;             // decoding: whether whoever gets it makes a copy of it
};

// What an encoder's window makes of rows of a layer's prediction (12 bytes a pixel). They are kept for the
// passes after the first: of reconstructing, and of a search, which gives that up above kSearchedPixels.
PredictionWindow::Passed passed_rows(Size layer, bool reconstruct, bool search);

// Bytes held at most, the picture itself and its copy included, roughly (within some ten percent).
double encode_bytes(const PyramidNetworks& networks, const MemoryQuestion& question);
// `wanted[k]` is the part of layer k that is reconstructed.
double decode_bytes(const PyramidNetworks& networks, const MemoryQuestion& question,
                    const std::vector<Rect>& wanted);

// kBadFile if `bytes` are more than `limit`; a limit of 0 is none.
Status check_memory(double bytes, uint64_t limit);

}  // namespace compass
