// The reference implementation's coder, byte for byte: one string of symbols, coded on its own.
//
// It exists so that imported models can be checked against the reference and so that its strings can be read.
// Our own files use the layer stream (layer_coder.h): the same probabilities, about 8 bytes less per string.
//
// The string: the final state (8 bytes), then 32-bit words, all little-endian, as published with CompressAI
// (BufferedRansEncoder). An escape is the row's last slot, then the number of 4-bit groups of escape_value()
// (15 means "15 and more follow"), then the groups, least significant first, each as 4 raw bits. The
// reference computes this in 32 bits and goes wrong beyond 2^28; here every 32-bit symbol has its string.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "entropy/cdf_tables.h"

namespace compass {

// y: symbol i uses row indexes[i]. Both in the reference's order: [C,H,W], channels slowest.
// Errors: kFailure if the sizes differ or an index has no row.
Result<std::vector<uint8_t>> reference_encode(std::span<const int32_t> symbols,
                                              std::span<const uint8_t> indexes, const CdfTables& tables);
// z: [C,H,W] with one row per channel, C = tables.rows(). Error: kFailure if the symbols are no multiple of
// C.
Result<std::vector<uint8_t>> reference_encode(std::span<const int32_t> symbols, const CdfTables& tables);

// The inverse; fills `symbols`. Errors: kFailure as above; kBadFile if the string is too short, too long, or
// not one that encodes any symbols under these tables. On an error `symbols` holds nothing of use.
Status reference_decode(std::span<const uint8_t> bytes, std::span<const uint8_t> indexes,
                        const CdfTables& tables, std::span<int32_t> symbols);
Status reference_decode(std::span<const uint8_t> bytes, const CdfTables& tables, std::span<int32_t> symbols);

}  // namespace compass
