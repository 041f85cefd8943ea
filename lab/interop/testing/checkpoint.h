// For tests and fuzzing: writes the containers and pickles that PyTorch writes, and any wrong ones.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace compass::test {

template <typename T>
void put(std::string& out, T value) {
  char raw[sizeof(T)];
  std::memcpy(raw, &value, sizeof(T));
  out.append(raw, sizeof(T));
}

inline std::vector<uint8_t> bytes_of(std::string_view text) {
  return {text.begin(), text.end()};
}

// Opcodes by their names in pickletools.
class PickleWriter {
 public:
  PickleWriter() { raw("\x80\x02"); }

  PickleWriter& raw(std::string_view bytes) {
    out_ += bytes;
    return *this;
  }
  PickleWriter& mark() { return raw("("); }
  PickleWriter& text(std::string_view value) {
    raw("X");
    put(out_, static_cast<uint32_t>(value.size()));
    return raw(value);
  }
  PickleWriter& integer(int64_t value) {
    raw(std::string_view("\x8a\x08", 2));
    put(out_, value);
    return *this;
  }
  PickleWriter& integers(const std::vector<int64_t>& values) {
    mark();
    for (const int64_t value : values) integer(value);
    return raw("t");
  }
  PickleWriter& global(std::string_view module, std::string_view name) {
    return raw("c").raw(module).raw("\n").raw(name).raw("\n");
  }
  PickleWriter& storage(std::string_view type, std::string_view key, int64_t elements, bool legacy = false,
                        std::string_view location = "cpu") {
    mark().text("storage").global("torch", type).text(key).text(location).integer(elements);
    return (legacy ? raw("N") : *this).raw("tQ");
  }
  // A call of _rebuild_tensor_v2 on the storage just before: the storage must be written by `write_storage`.
  template <typename WriteStorage>
  PickleWriter& tensor(WriteStorage write_storage, int64_t offset, const std::vector<int64_t>& shape,
                       const std::vector<int64_t>& strides) {
    global("torch._utils", "_rebuild_tensor_v2").mark();
    write_storage(*this);
    integer(offset).integers(shape).integers(strides).raw("\x89");
    return global("collections", "OrderedDict").raw(")RtR");
  }
  std::string finish() const { return out_ + "."; }

 private:
  std::string out_;
};

struct ZipFile {
  std::string name;
  std::string content;
  bool deflate = false;
  uint64_t claimed_size = 0;  // 0: the true one
};

inline std::string deflated(const std::string& content) {
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// A zip archive as PyTorch writes them; `zip64` puts sizes into extra fields and adds the 64-bit end records.
inline std::string zip_of(const std::vector<ZipFile>& files, bool zip64 = false) {
  std::string out;
  std::string directory;
  for (const ZipFile& file : files) {
    const std::string payload = file.deflate ? deflated(file.content) : file.content;
    const auto crc = static_cast<uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(file.content.data()),
                                                 static_cast<uInt>(file.content.size())));
    const uint64_t size = file.claimed_size != 0 ? file.claimed_size : file.content.size();
    const auto offset = static_cast<uint64_t>(out.size());
    const auto narrow = [&](uint64_t value) { return zip64 ? 0xFFFFFFFFU : static_cast<uint32_t>(value); };
    std::string extra;
    if (zip64) {
      put<uint16_t>(extra, 1);
      put<uint16_t>(extra, 24);
      put<uint64_t>(extra, size);
      put<uint64_t>(extra, payload.size());
      put<uint64_t>(extra, offset);
    }
    const auto common = [&](std::string& to) {
      put<uint16_t>(to, 20);
      put<uint16_t>(to, 0);
      put<uint16_t>(to, file.deflate ? 8 : 0);
      put<uint32_t>(to, 0);
      put<uint32_t>(to, crc);
    };
    out += "PK\x03\x04";
    common(out);
    put<uint32_t>(out, 0);  // sizes follow the data, as PyTorch has it: readers use the directory
    put<uint32_t>(out, 0);
    put<uint16_t>(out, static_cast<uint16_t>(file.name.size()));
    put<uint16_t>(out, 4);
    out += file.name + std::string("FB\0\0", 4) + payload;
    directory += "PK\x01\x02";
    put<uint16_t>(directory, 20);
    common(directory);
    put<uint32_t>(directory, narrow(payload.size()));
    put<uint32_t>(directory, narrow(size));
    put<uint16_t>(directory, static_cast<uint16_t>(file.name.size()));
    put<uint16_t>(directory, static_cast<uint16_t>(extra.size()));
    directory += std::string(10, '\0');
    put<uint32_t>(directory, narrow(offset));
    directory += file.name + extra;
  }
  const auto start = static_cast<uint64_t>(out.size());
  out += directory;
  if (zip64) {
    const auto end64 = static_cast<uint64_t>(out.size());
    out += "PK\x06\x06";
    put<uint64_t>(out, 44);
    out += std::string(12, '\0');
    put<uint64_t>(out, files.size());
    put<uint64_t>(out, files.size());
    put<uint64_t>(out, directory.size());
    put<uint64_t>(out, start);
    out += std::string("PK\x06\x07\0\0\0\0", 8);
    put<uint64_t>(out, end64);
    put<uint32_t>(out, 1);
  }
  out += std::string("PK\x05\x06\0\0\0\0", 8);
  put<uint16_t>(out, static_cast<uint16_t>(files.size()));
  put<uint16_t>(out, static_cast<uint16_t>(files.size()));
  put<uint32_t>(out, zip64 ? 0xFFFFFFFFU : static_cast<uint32_t>(directory.size()));
  put<uint32_t>(out, zip64 ? 0xFFFFFFFFU : static_cast<uint32_t>(start));
  put<uint16_t>(out, 0);
  return out;
}

// A tensor of a checkpoint to be written.
struct NamedTensor {
  std::string key;
  std::string type;  // "FloatStorage", ...
  std::vector<int64_t> shape;
  std::string content;  // the storage's bytes
  int64_t elements = 0;
};

inline NamedTensor float_tensor(std::string key, std::vector<int64_t> shape, std::span<const float> values) {
  NamedTensor tensor{
      std::move(key), "FloatStorage", std::move(shape), {}, static_cast<int64_t>(values.size())};
  for (const float value : values) put(tensor.content, value);
  return tensor;
}

struct NamedDictionary {
  std::string name;  // empty: the tensors lie at the top
  std::vector<NamedTensor> tensors;
};

// Unsigned inside: fuzzed shapes overflow.
inline std::vector<int64_t> dense_strides(const std::vector<int64_t>& shape) {
  std::vector<int64_t> strides(shape.size());
  uint64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    strides[d] = static_cast<int64_t>(stride);
    stride *= static_cast<uint64_t>(shape[d]);
  }
  return strides;
}

inline void write_dictionary(PickleWriter& pickle, const std::vector<NamedTensor>& tensors,
                             const std::string& key_prefix, bool legacy) {
  pickle.raw("}").mark();
  size_t index = 0;
  for (const NamedTensor& tensor : tensors) {
    pickle.text(tensor.key);
    const std::string key = key_prefix + std::to_string(index++);
    pickle.tensor([&](PickleWriter& p) { p.storage(tensor.type, key, tensor.elements, legacy, "cuda:1"); }, 0,
                  tensor.shape, dense_strides(tensor.shape));
  }
  pickle.raw("u");
}

inline std::string pickle_of(const std::vector<NamedDictionary>& dictionaries, bool legacy) {
  PickleWriter pickle;
  if (dictionaries.size() == 1 && dictionaries[0].name.empty()) {
    write_dictionary(pickle, dictionaries[0].tensors, "0_", legacy);
  } else {
    pickle.raw("}").mark().text("epoch").integer(7);
    for (size_t d = 0; d < dictionaries.size(); ++d) {
      pickle.text(dictionaries[d].name);
      write_dictionary(pickle, dictionaries[d].tensors, std::to_string(d) + "_", legacy);
    }
    pickle.raw("u");
  }
  return pickle.finish();
}

// A checkpoint in the container of PyTorch 1.6 and later.
inline std::string zip_checkpoint(const std::vector<NamedDictionary>& dictionaries, bool deflate = false) {
  std::vector<ZipFile> files{{"model/data.pkl", pickle_of(dictionaries, false), deflate}};
  for (size_t d = 0; d < dictionaries.size(); ++d) {
    for (size_t i = 0; i < dictionaries[d].tensors.size(); ++i) {
      files.push_back({"model/data/" + std::to_string(d) + "_" + std::to_string(i),
                       dictionaries[d].tensors[i].content, deflate});
    }
  }
  files.push_back({"model/version", "3\n"});
  return zip_of(files);
}

// The same in the container before that.
inline std::string legacy_checkpoint(const std::vector<NamedDictionary>& dictionaries) {
  std::string out =
      PickleWriter().raw(std::string_view("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12)).finish();
  out += PickleWriter().integer(1001).finish();
  out += PickleWriter().raw("}(").text("little_endian").raw("\x88u").finish();
  out += pickle_of(dictionaries, true);
  PickleWriter keys;
  keys.raw("](");
  std::string data;
  for (size_t d = 0; d < dictionaries.size(); ++d) {
    for (size_t i = 0; i < dictionaries[d].tensors.size(); ++i) {
      keys.text(std::to_string(d) + "_" + std::to_string(i));
      put(data, dictionaries[d].tensors[i].elements);
      data += dictionaries[d].tensors[i].content;
    }
  }
  return out + keys.raw("e").finish() + data;
}

}  // namespace compass::test
