// The tables of a model's symbols, of weights.h.
#include "model_file/read_tensor.h"
#include "model_file/weights.h"

namespace compass {
namespace {

constexpr int kScaleRows = 64;

}  // namespace

Result<CdfTables> read_latent_tables(const Safetensors& file, const std::string& prefix, int quantisers) {
  const int64_t rows = int64_t{quantisers} * kScaleRows;
  std::vector<int32_t> cdf;
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;
  if (Status s = read_integers(file, prefix + ".cdf", {-1}, cdf); !s) return s.error();
  if (Status s = read_integers(file, prefix + ".length", {rows}, lengths); !s) return s.error();
  if (Status s = read_integers(file, prefix + ".offset", {rows}, offsets); !s) return s.error();
  const auto use = quantisers == 2 ? CdfTables::Use::kTrellis : CdfTables::Use::kSymbols;
  auto tables = CdfTables::from_ragged(cdf, lengths, offsets, use);
  if (!tables) return bad_tensor(prefix + ".cdf", tables.error().message);
  return tables;
}

Result<CdfTables> read_channel_tables(const Safetensors& file, const std::string& prefix, int64_t channels) {
  std::vector<int32_t> cdf;
  std::vector<int32_t> lengths;
  std::vector<int32_t> offsets;
  if (Status s = read_integers(file, prefix + ".cdf", {channels, -1}, cdf); !s) return s.error();
  if (Status s = read_integers(file, prefix + ".length", {channels}, lengths); !s) return s.error();
  if (Status s = read_integers(file, prefix + ".offset", {channels}, offsets); !s) return s.error();
  auto tables = CdfTables::from_padded(cdf, lengths, offsets);
  if (!tables) return bad_tensor(prefix + ".cdf", tables.error().message);
  return tables;
}

}  // namespace compass
