// The model loader on any bytes, and on the tiny model with parts of it replaced; whatever loads must also
// code a picture without falling over.
//
// The first byte chooses what the rest is:
//   0  a whole file
//   1  the description (JSON); the tensors are the tiny model's
//   2  edits to the tiny model's tensors: their types, shapes and values, conv weights put into 8 bits
#include <fuzzer/FuzzedDataProvider.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "codec/decoder.h"
#include "codec/encoder.h"
#include "model_file/safetensors.h"
#include "model_writer/safetensors_writer.h"

namespace {

using namespace compass;

const Safetensors& tiny() {
  static const Safetensors file = *Safetensors::load(COMPASS_SOURCE_DIR "/tests/data/tiny.safetensors");
  return file;
}

struct Entry {
  std::string name;
  DType dtype;
  std::vector<int64_t> shape;
  std::vector<uint8_t> data;
};

std::vector<Entry> tiny_entries() {
  std::vector<Entry> entries;
  for (const auto& [name, tensor] : tiny().tensors()) {
    entries.push_back({name, tensor.dtype, tensor.shape, {tensor.data.begin(), tensor.data.end()}});
  }
  return entries;
}

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out + "\"";
}

// A safetensors file with these entries, even inconsistent ones, which SafetensorsWriter does not write.
std::vector<uint8_t> file_of(const std::vector<Entry>& entries, const std::string& description) {
  std::string header =
      R"({"__metadata__":{"format":"compass-model","version":"1","compass":)" + quoted(description) + "}";
  std::vector<uint8_t> data;
  for (const Entry& entry : entries) {
    header +=
        "," + quoted(entry.name) + R"(:{"dtype":")" + std::string(dtype_name(entry.dtype)) + R"(","shape":[)";
    for (size_t i = 0; i < entry.shape.size(); ++i)
      header += (i > 0 ? "," : "") + std::to_string(entry.shape[i]);
    header += "],\"data_offsets\":[" + std::to_string(data.size()) + ",";
    data.insert(data.end(), entry.data.begin(), entry.data.end());
    header += std::to_string(data.size()) + "]}";
  }
  header += "}";
  std::vector<uint8_t> file(8);
  const uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), data.begin(), data.end());
  return file;
}

// Makes conv weights of floats into 8-bit integers with a scale for each output, as an exporter may.
void put_in_8_bits(std::vector<Entry>& entries, size_t index) {
  Entry& kernel = entries[index];
  if (kernel.shape.size() != 4 || kernel.shape.front() < 1 || kernel.shape.front() > 4096) return;
  const auto outputs = static_cast<size_t>(kernel.shape.front());
  Entry scales{kernel.name + ".step", DType::kF32, {kernel.shape.front()}, {}};
  const float scale = 1.0F / 256.0F;
  scales.data.resize(outputs * sizeof scale);
  for (size_t i = 0; i < outputs; ++i) std::memcpy(&scales.data[i * sizeof scale], &scale, sizeof scale);
  // Any bytes do as integers: the last one of each value.
  const auto width = static_cast<size_t>(dtype_size(kernel.dtype));
  std::vector<uint8_t> integers;
  for (size_t i = width - 1; i < kernel.data.size(); i += width) integers.push_back(kernel.data[i]);
  kernel.data = std::move(integers);
  kernel.dtype = DType::kI8;
  entries.push_back(std::move(scales));
}

std::vector<uint8_t> with_edits(FuzzedDataProvider& edits) {
  std::vector<Entry> entries = tiny_entries();
  while (edits.remaining_bytes() > 0) {
    const size_t index = edits.ConsumeIntegralInRange<size_t>(0, entries.size() - 1);
    Entry& entry = entries[index];
    switch (edits.ConsumeIntegralInRange(0, 8)) {
      case 0:
        entry.dtype =
            edits.PickValueInArray({DType::kF32, DType::kF16, DType::kBF16, DType::kF64, DType::kI8,
                                    DType::kU8, DType::kI16, DType::kU16, DType::kI32, DType::kI64});
        break;
      case 1:
        if (!entry.shape.empty()) {
          entry.shape[edits.ConsumeIntegralInRange<size_t>(0, entry.shape.size() - 1)] =
              edits.ConsumeIntegral<int64_t>();
        }
        break;
      case 2:
        entry.name = edits.ConsumeRandomLengthString(20);
        break;
      case 3:
        entry.data.resize(edits.ConsumeIntegralInRange<size_t>(0, 4096));
        break;
      case 4:
        put_in_8_bits(entries, index);
        break;
      default: {
        const std::string bytes = edits.ConsumeRandomLengthString(16);
        const size_t at = edits.ConsumeIntegralInRange<size_t>(0, entry.data.size());
        const size_t count = std::min(bytes.size(), entry.data.size() - at);
        std::copy_n(bytes.begin(), count, entry.data.begin() + static_cast<ptrdiff_t>(at));
      }
    }
  }
  return file_of(entries, tiny().metadata().at("compass"));
}

// Two small layers there and back.
void use(const std::shared_ptr<const Model>& model) {
  const std::vector<Size> all = {{5, 4}, {11, 7}};
  Image picture(all.back());
  for (int c = 0; c < 3; ++c) {
    for (size_t i = 0; i < picture.plane(c).size(); ++i)
      picture.plane(c)[i] = static_cast<float>(i % 7) / 7.0F;
  }
  EncodeSettings settings;
  settings.sizes = model->layered() ? all : std::vector<Size>{all.back()};
  const CodecOptions options{.threads = 1, .precision = Precision::kF32};
  const auto encoded = Encoder(model, options).encode(picture, settings);
  if (!encoded) return;
  MemorySource source(encoded->bytes);
  (void)Decoder(model, options).decode(source).ok();
}

void check(std::vector<uint8_t> file) {
  const auto model = Model::parse(std::move(file));
  if (!model) {
    if (model.error().message.empty() || model.error().code != ErrorCode::kModel) std::abort();
    return;
  }
  if ((*model)->parameters() < 100'000) use(*model);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  switch (data[0] % 3) {
    case 0:
      check({data + 1, data + size});
      break;
    case 1:
      check(file_of(tiny_entries(), {reinterpret_cast<const char*>(data) + 1, size - 1}));
      break;
    default: {
      FuzzedDataProvider edits(data + 1, size - 1);
      check(with_edits(edits));
    }
  }
  return 0;
}
