// JPEG 2000 as a scalable codec: one file, its lower resolutions read with opj_decompress -r.
#pragma once

#include <cstdint>
#include <span>

#include "eval/codec.h"

namespace compass::eval {

// Layers must halve (each side rounded up, as the wavelets do). Packets are written in resolution order
// (RLCP), so layer k is decoded from the beginning of the file that holds its resolutions, and that beginning
// is what it costs. Its picture is compared with the bicubic original like everyone's: a wavelet band is
// another picture, so even all the bits reach only a ceiling, which is measured too (ceiling()). Errors: kIo
// with a line that says which Debian package brings the programs.
Result<std::shared_ptr<const EvaluatedCodec>> make_j2k_layers(PictureFiles files);

// The number of leading bytes that hold resolutions 0..r, for every r, of a JPEG 2000 codestream with one
// tile, packets in resolution order and packet lengths in its tile header (PLT markers; opj_compress -PLT).
// `packets` is the number of packets per resolution: quality layers x components x precincts.
// Errors: kBadFile (ITU-T T.800 annex A is not followed, or the packets are not that many).
Result<std::vector<uint64_t>> j2k_resolution_ends(std::span<const uint8_t> codestream, int resolutions,
                                                  int packets);

}  // namespace compass::eval
