// The part of Python's pickle format that torch.save writes, read as data.
//
// A pickle is a program for a small stack machine that may call any function it names. Here nothing is
// called: opcodes come from a closed set, so do the names ("globals"), and anything else is an error that
// says what it was. Objects live in one flat list and refer to each other by index, so that neither deep
// nesting nor cycles nor an object that is its own child can exhaust the stack or leak.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "model_file/safetensors.h"

namespace compass {

using PickleId = uint32_t;

enum class PickleKind : uint8_t {
  kNone,
  kBool,     // integer: 0 or 1
  kInt,      // integer
  kLong,     // text: an integer of more than 64 bits, little-endian two's complement
  kFloat,    // number
  kText,     // text: str or bytes
  kTuple,    // items
  kList,     // items
  kDict,     // items: key, value, key, value, ... (dict and OrderedDict)
  kGlobal,   // a known name
  kStorage,  // text: its key, dtype, integer: its number of elements
  kTensor,   // items: storage, offset, size, stride
  kOpaque,   // allowed, but not used: numpy scalars, argparse.Namespace, ...
};

struct PickleObject {
  PickleKind kind = PickleKind::kNone;
  DType dtype = DType::kF32;
  int64_t integer = 0;
  double number = 0.0;
  std::string_view text;  // into the pickle's bytes
  std::vector<PickleId> items;
};

class Pickle {
 public:
  static constexpr size_t kMaxObjects = 2'000'000;

  // Runs the first pickle in `bytes`, which must outlive the result. Errors: kBadFile, with the position.
  static Result<Pickle> parse(std::span<const uint8_t> bytes);

  const PickleObject& root() const { return objects_[root_]; }
  const PickleObject& operator[](PickleId id) const { return objects_[id]; }
  std::span<const PickleObject> objects() const { return objects_; }
  size_t bytes_read() const { return bytes_read_; }  // legacy files hold several pickles in a row

 private:
  friend class PickleMachine;
  std::vector<PickleObject> objects_;
  PickleId root_ = 0;
  size_t bytes_read_ = 0;
};

}  // namespace compass
