// Fuzzes the checkpoint importer: containers, pickles, and networks with spoilt tensors.
//
// The first byte chooses what the rest is:
//   0  a whole file: zip, legacy pickles or safetensors
//   1  a pickle program, put into an archive with correct checksums and a few storages
//   2  edits to a small complete checkpoint, so that the importer itself is reached
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "interop/export_model.h"
#include "interop/import_model.h"
#include "interop/testing/small_codec.h"
#include "model_file/model.h"

namespace {

using compass::test::NamedDictionary;
using compass::test::NamedTensor;

std::string with_pickle(const std::string& pickle) {
  constexpr size_t kStorageBytes = 64;
  std::vector<compass::test::ZipFile> files{{"m/data.pkl", pickle}};
  for (const char* key : {"0", "1", "2", "3"}) {
    files.push_back({std::string("m/data/") + key, std::string(kStorageBytes, '\x01'), key[0] == '3'});
  }
  return compass::test::zip_of(files);
}

void spoil(NamedTensor& tensor, FuzzedDataProvider& edits) {
  switch (edits.ConsumeIntegralInRange(0, 5)) {
    case 0:
      tensor.key = edits.ConsumeRandomLengthString(40);
      break;
    case 1:
      if (!tensor.shape.empty()) {
        tensor.shape[edits.ConsumeIntegralInRange<size_t>(0, tensor.shape.size() - 1)] =
            edits.ConsumeBool() ? edits.ConsumeIntegralInRange<int64_t>(0, 8)
                                : edits.ConsumeIntegral<int64_t>();
      }
      break;
    case 2:
      tensor.type = edits.PickValueInArray(
          {"HalfStorage", "DoubleStorage", "IntStorage", "LongStorage", "ByteStorage"});
      break;
    case 3:
      tensor.elements = edits.ConsumeIntegralInRange<int64_t>(0, 4096);
      tensor.content.resize(static_cast<size_t>(tensor.elements) * sizeof(float));
      break;
    case 4:
      tensor.shape.resize(edits.ConsumeIntegralInRange<size_t>(0, 5), 1);
      break;
    default: {
      const std::string bytes = edits.ConsumeRandomLengthString(16);
      const size_t at = edits.ConsumeIntegralInRange<size_t>(0, tensor.content.size());
      const size_t count = std::min(bytes.size(), tensor.content.size() - at);
      tensor.content.replace(at, count, bytes, 0, count);
    }
  }
}

void add_integers(std::vector<NamedTensor>& tensors, const char* key, std::vector<int64_t> shape,
                  const std::vector<int32_t>& values) {
  NamedTensor tensor{key, "IntStorage", std::move(shape), {}, static_cast<int64_t>(values.size())};
  for (const int32_t value : values) compass::test::put(tensor.content, value);
  tensors.push_back(std::move(tensor));
}

// Small stored tables for y: computing the true ones would take most of the fuzzing time.
void add_gaussian_tables(std::vector<NamedTensor>& tensors) {
  std::vector<int32_t> cdf;
  for (int row = 0; row < 64; ++row) cdf.insert(cdf.end(), {0, 60000, 65536});
  add_integers(tensors, "gaussian_conditional._quantized_cdf", {64, 3}, cdf);
  add_integers(tensors, "gaussian_conditional._cdf_length", {64}, std::vector<int32_t>(64, 3));
  add_integers(tensors, "gaussian_conditional._offset", {64}, std::vector<int32_t>(64, 0));
}

// z's buffers as a checkpoint after update() has them, right or wrong.
void add_hyper_tables(std::vector<NamedTensor>& tensors, FuzzedDataProvider& edits) {
  std::vector<int32_t> cdf{0, 30000, 65000, 65536, 0, 7, 65536, 0};
  for (int32_t& value : cdf) {
    if (edits.ConsumeBool()) value = edits.ConsumeIntegral<int32_t>();
  }
  add_integers(tensors, "entropy_bottleneck._quantized_cdf", {2, 4}, cdf);
  add_integers(tensors, "entropy_bottleneck._cdf_length", {2},
               {edits.ConsumeBool() ? 4 : edits.ConsumeIntegral<int32_t>(), 3});
  add_integers(tensors, "entropy_bottleneck._offset", {2}, {edits.ConsumeIntegral<int32_t>(), -1});
}

std::string spoilt_checkpoint(FuzzedDataProvider& edits) {
  std::vector<NamedDictionary> dictionaries{{"base_state_dict", compass::test::small_codec(1)}};
  if (edits.ConsumeBool()) {
    dictionaries.push_back({"residual_state_dict", compass::test::small_codec(2)});
    dictionaries.push_back({"conti_sr_state_dict", compass::test::small_liff()});
  }
  const auto add_tables = [&] {
    for (NamedDictionary& dictionary : dictionaries) {
      if (dictionary.name != "conti_sr_state_dict") add_gaussian_tables(dictionary.tensors);
    }
  };
  const bool spoil_tables = edits.ConsumeIntegralInRange(0, 7) == 0;  // rarely: see add_gaussian_tables
  if (spoil_tables) add_tables();
  if (edits.ConsumeBool()) add_hyper_tables(dictionaries.front().tensors, edits);
  while (edits.remaining_bytes() > 0) {
    auto& tensors = dictionaries[edits.ConsumeIntegralInRange<size_t>(0, dictionaries.size() - 1)].tensors;
    const size_t which = edits.ConsumeIntegralInRange<size_t>(0, tensors.size() - 1);
    if (edits.ConsumeIntegralInRange(0, 15) == 0 && tensors.size() > 1) {
      tensors.erase(tensors.begin() + static_cast<ptrdiff_t>(which));
    } else {
      spoil(tensors[which], edits);
    }
  }
  if (!spoil_tables) add_tables();
  return compass::test::zip_checkpoint(dictionaries);
}

void check(const std::string& file) {
  auto checkpoint = compass::Checkpoint::parse(compass::test::bytes_of(file));
  if (!checkpoint) return;
  const auto imported = compass::import_checkpoint(*checkpoint, nullptr, {});
  if (imported) {
    // What was imported must load and export.
    const auto model = compass::Safetensors::parse(imported->file);
    if (!model || !compass::Model::parse(imported->file) || !compass::export_state_dict(*model)) std::abort();
  }
  for (const auto& [path, dictionary] : checkpoint->dictionaries()) {
    for (const auto& [key, tensor] : dictionary) {
      const auto floats = checkpoint->floats(tensor);
      if (floats && static_cast<int64_t>(floats->size()) != tensor.elements()) std::abort();
      const auto integers = checkpoint->integers(tensor);
      if (integers && static_cast<int64_t>(integers->size()) != tensor.elements()) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 3) {
    case 0:
      check(rest);
      break;
    case 1:
      check(with_pickle(rest));
      break;
    default: {
      FuzzedDataProvider edits(data + 1, size - 1);
      check(spoilt_checkpoint(edits));
    }
  }
  return 0;
}
