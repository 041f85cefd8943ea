// A file's layers one after the other: each is decoded from the picture that is kept of the layer below, when
// its bytes are there. What comes out is what Decoder::decode makes of the same layer, to the bit.
//
//   Progressive layers(decoder.runtime(), source);
//   layers.open(settings);
//   while (layers.next() <= layers.last()) layers.decode_next(sink);
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "codec/decoder.h"
#include "codec/image_view.h"
#include "codec/pixel_sink.h"
#include "codec/receiver.h"
#include "codec/runtime.h"

namespace compass {

// A layer, or the part of it that settings ask for.
struct LayerPart {
  int layer = 0;
  Rect part;  // of the layer
  Size size;  // of the picture: the part's, unless settings ask for another
};

struct DecodedLayer : LayerPart {
  std::vector<std::string> damage;  // blocks that were lost, a line each; they are as predicted
};

class Progressive {
 public:
  // Both must outlive the object. `source` stands at the file's first byte.
  Progressive(CodecRuntime& runtime, ByteSource& source)
      : runtime_(runtime), receiver_(source, runtime.synthesis, runtime.networks, runtime.options) {}

  // Reads the header. A layer or size in `settings` says up to which layer there is something to decode; a
  // region is one of that layer, and lower layers show the smallest rectangle that covers the same part of
  // the picture; with a size, every layer is brought to it. Errors: as Decoder::decode.
  Status open(const DecodeSettings& settings);

  const ContainerHeader& header() const { return receiver_.received().header; }
  int next() const { return next_; }  // the layer that decode_next() decodes; last() + 1 after the last
  int last() const { return receiver_.received().asked; }
  LayerPart part_of(int k) const;  // what is shown of a layer up to last()
  const Receiver& receiver() const { return receiver_; }

  // Reads and decodes the layer next(), at most last(), and gives its samples to `sink`, if that is not null.
  // Errors: kDamaged (the layer is lost and with it all that come after; or strict, and blocks are),
  // kCancelled, kIo. After an error, or an exception, the object is of no more use.
  Result<DecodedLayer> decode_next(PixelSink* sink, const Progress& progress = {});
  // Decodes all layers up to last(), whose picture this is: what a further layer is predicted from. Errors:
  // as decode_next.
  Result<ImageView> decode_last();
  const Plane& alpha() const { return alpha_; }  // of the layer that was decoded last; empty if it has none

 private:
  Result<DecodedLayer> decode(PixelSink* sink, bool keep);
  Result<LayerLatents> receive_next(DecodedLayer& decoded);
  void reconstruct(const LayerLatents& latents, PixelSink* sink, bool keep);
  SpatialLayer layer(int k) const { return receiver_.received().sizes.at(k); }

  CodecRuntime& runtime_;
  Receiver receiver_;
  DecodeSettings settings_;
  int next_ = 0;
  Plane alpha_;
  ImageView below_;  // the reconstruction of layer next_ - 1: all that the layers above need of it
};

}  // namespace compass
