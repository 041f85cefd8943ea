#include "interop/checkpoint.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <utility>

#include "core/mapped_file.h"
#include "interop/checkpoint_reader.h"
#include "interop/zip_archive.h"

namespace compass {
namespace {

constexpr uint64_t kMaxInflatedBytes = uint64_t{256} << 20;  // of all storages; PyTorch never deflates them
constexpr uint64_t kMaxReadFactor = 4;  // how often a file's tensors may be read altogether
constexpr size_t kMaxDimensions = 8;    // as CheckpointReader allows

Error bad(std::string message) {
  return {ErrorCode::kBadFile, std::move(message)};
}

}  // namespace

int64_t CheckpointTensor::elements() const {
  int64_t count = 1;
  for (const int64_t side : shape) {
    count *= side;
  }
  return count;
}

Result<Checkpoint> Checkpoint::read(std::shared_ptr<const void> owner, std::span<const uint8_t> bytes) {
  Checkpoint checkpoint;
  checkpoint.owner_ = std::move(owner);
  if (const Status done = CheckpointReader(checkpoint).read(bytes); !done) {
    return done.error();
  }
  for (const Storage& storage : checkpoint.storages_) {
    checkpoint.readable_bytes_ +=
        kMaxReadFactor * storage.elements * static_cast<uint64_t>(dtype_size(storage.dtype));
  }
  checkpoint.inflatable_bytes_ = kMaxInflatedBytes;
  return checkpoint;
}

Result<Checkpoint> Checkpoint::parse(std::vector<uint8_t> bytes) {
  const auto owner = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  return read(owner, *owner);
}

Result<Checkpoint> Checkpoint::load(const std::string& path) {
  const auto file = MappedFile::open(path);
  if (!file) {
    return file.error();
  }
  auto checkpoint = read(*file, (*file)->bytes());
  if (!checkpoint) {
    return Error{checkpoint.error().code, fmt::format("{}: {}", path, checkpoint.error().message)};
  }
  return checkpoint;
}

Status Checkpoint::open_storage(Storage& storage) {
  if (!storage.unchecked) {
    return {};
  }
  std::vector<uint8_t> buffer;
  const uint64_t limit = storage.entry.deflated ? inflatable_bytes_ : storage.entry.size;
  const auto content = read_entry(storage.entry, limit, buffer);
  if (!content) {
    return content.error();
  }
  storage.bytes = *content;
  if (storage.entry.deflated) {
    inflatable_bytes_ -= content->size();
    storage.inflated = std::make_shared<const std::vector<uint8_t>>(std::move(buffer));
    storage.bytes = *storage.inflated;
  }
  storage.unchecked = false;
  return {};
}

Result<TensorView> Checkpoint::contiguous(const CheckpointTensor& tensor, std::vector<uint8_t>& buffer) {
  Storage& storage = storages_[tensor.storage];
  if (const Status opened = open_storage(storage); !opened) {
    return opened.error();
  }
  const auto size = static_cast<size_t>(dtype_size(tensor.dtype));
  const auto bytes = static_cast<uint64_t>(tensor.elements()) * size;
  if (bytes > readable_bytes_) {
    return bad("the tensors share their storages over and over");
  }
  readable_bytes_ -= bytes;
  if (bytes == 0) {
    return TensorView{tensor.dtype, tensor.shape, {}};
  }

  int64_t dense = 1;
  bool in_order = true;
  for (size_t d = tensor.shape.size(); d-- > 0;) {
    in_order = in_order && (tensor.shape[d] == 1 || tensor.strides[d] == dense);
    dense *= tensor.shape[d];
  }
  if (in_order) {
    return TensorView{tensor.dtype, tensor.shape,
                      storage.bytes.subspan(static_cast<uint64_t>(tensor.offset) * size, bytes)};
  }
  buffer.resize(bytes);
  std::array<int64_t, kMaxDimensions> index{};
  int64_t from = tensor.offset;
  for (uint64_t to = 0; to < bytes; to += size) {
    std::memcpy(buffer.data() + to, storage.bytes.data() + static_cast<uint64_t>(from) * size, size);
    for (size_t d = tensor.shape.size(); d-- > 0;) {  // the next index, last dimension fastest
      from += tensor.strides[d];
      if (++index[d] < tensor.shape[d]) {
        break;
      }
      from -= tensor.strides[d] * tensor.shape[d];
      index[d] = 0;
    }
  }
  return TensorView{tensor.dtype, tensor.shape, buffer};
}

Result<std::vector<float>> Checkpoint::floats(const CheckpointTensor& tensor) {
  std::vector<uint8_t> buffer;
  const auto view = contiguous(tensor, buffer);
  if (!view) {
    return view.error();
  }
  auto values = view->floats();
  return values ? std::move(values) : bad(values.error().message);
}

Result<std::vector<int32_t>> Checkpoint::integers(const CheckpointTensor& tensor) {
  std::vector<uint8_t> buffer;
  const auto view = contiguous(tensor, buffer);
  if (!view) {
    return view.error();
  }
  auto values = view->integers();
  return values ? std::move(values) : bad(values.error().message);
}

}  // namespace compass
