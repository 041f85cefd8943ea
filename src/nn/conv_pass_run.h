// What the tiles of one run of a ConvPass share: its insides, for the two sources that compute tiles.
#pragma once

#include "nn/conv_pass.h"

namespace compass::nn {

struct ConvPass::Run {
  Context& context;
  const ConvPlan& plan;
  std::span<const MapView> inputs;
  Map& out;
  const MapView* addend;
};

// A piece of a plan with its kernels.
struct ConvPass::ReadyPiece {
  const ConvPlan::Piece* piece;
  ReadyConv conv;
  ReadyConv gdn;
};

}  // namespace compass::nn
