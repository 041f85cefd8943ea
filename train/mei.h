// Mei et al.'s enhancement layers in training form (mei/mei_description.h).
#pragma once

#include "codec.h"
#include "mei/mei_description.h"

namespace compass::train {

// A codec whose latents are predicted from those below, with weights of its own.
struct MeiLayerImpl : CodecImpl {
  explicit MeiLayerImpl(const MeiLayerDescription& description);

  // P and U of the map below [B,C,h,w]: [B,L,2h,2w] and [B,N,2h,2w].
  Tensor predict(const Tensor& below, const Pass& pass);
  Tensor context_of(const Tensor& below, const Pass& pass);

  Network reduce{nullptr}, first{nullptr}, second{nullptr}, enlarge{nullptr}, context{nullptr};
};
TORCH_MODULE(MeiLayer);

struct MeiImpl : torch::nn::Module {
  explicit MeiImpl(const MeiDescription& description);

  // Codes picture x of enhancement layer k, from 0 on, upon the map below, and makes that map the one that
  // the next layer is predicted from.
  CodecOutput code(size_t k, const Tensor& x, Tensor& below, const Pass& pass, Quantisation quantisation);

  MeiDescription description;
  std::vector<MeiLayer> layers;
};
TORCH_MODULE(Mei);

}  // namespace compass::train
