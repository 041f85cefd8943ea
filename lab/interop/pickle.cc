#include "interop/pickle.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "core/printable.h"
#include "interop/pickle_globals.h"

// Opcodes and their arguments: CPython's Lib/pickletools.py. Which of them torch.save emits:
// torch/serialization.py.
namespace compass {
namespace {

constexpr size_t kMaxPending = 4'000'000;  // stack, marks and memo together
constexpr size_t kMaxItems = 8'000'000;    // over all tuples, lists and dictionaries
constexpr int64_t kMaxProtocol = 5;
constexpr size_t kMaxNameLine = 256;
constexpr size_t kMaxDimensions = 8;

}  // namespace

// The stack machine. Every step either succeeds or leaves `problem_` set.
class PickleMachine {
 public:
  explicit PickleMachine(std::span<const uint8_t> bytes) : bytes_(bytes) {}

  Result<Pickle> run() {
    while (!stopped_) {
      const size_t at = at_;
      const auto opcode = take<uint8_t>();
      if (!opcode) {
        return error_at(at);
      }
      step(*opcode);
      if (stack_.size() + marks_.size() + memo_.size() > kMaxPending) {
        refuse("the stack or the memo is too large");
      }
      if (!problem_.empty()) {
        return error_at(at);
      }
    }
    pickle_.bytes_read_ = at_;
    return std::move(pickle_);
  }

 private:
  using Objects = std::vector<PickleId>;

  Error error_at(size_t at) const {
    return {ErrorCode::kBadFile, fmt::format("pickle: {} (byte {})", problem_, at)};
  }
  void refuse(std::string what) {
    if (problem_.empty()) {
      problem_ = std::move(what);
    }
  }

  // --- Reading arguments. Nothing on an error.

  std::optional<std::span<const uint8_t>> take_bytes(uint64_t count) {
    if (count > bytes_.size() - at_) {
      refuse("the data end inside it (truncated file?)");
      return std::nullopt;
    }
    const auto taken = bytes_.subspan(at_, count);
    at_ += count;
    return taken;
  }
  template <typename T>
  std::optional<T> take() {
    const auto raw = take_bytes(sizeof(T));
    if (!raw) {
      return std::nullopt;
    }
    T value;
    std::memcpy(&value, raw->data(), sizeof(T));
    return value;
  }
  template <typename Length>
  std::optional<std::string_view> take_text() {
    const auto length = take<Length>();
    const auto raw = length ? take_bytes(static_cast<uint64_t>(*length)) : std::nullopt;
    if (!raw) {
      return std::nullopt;
    }
    return std::string_view(reinterpret_cast<const char*>(raw->data()), raw->size());
  }
  std::optional<std::string_view> take_line() {
    const auto rest = bytes_.subspan(at_, std::min(kMaxNameLine, bytes_.size() - at_));
    const auto end = std::find(rest.begin(), rest.end(), '\n');
    if (end == rest.end()) {
      refuse("a name has no end");
      return std::nullopt;
    }
    const auto raw = rest.first(static_cast<size_t>(end - rest.begin()));
    at_ += raw.size() + 1;
    return std::string_view(reinterpret_cast<const char*>(raw.data()), raw.size());
  }

  // --- The stack.

  PickleObject& object(PickleId id) { return pickle_.objects_[id]; }

  void push(PickleObject made) {
    if (pickle_.objects_.size() >= Pickle::kMaxObjects) {
      return refuse("too many objects");
    }
    stack_.push_back(static_cast<PickleId>(pickle_.objects_.size()));
    pickle_.objects_.push_back(std::move(made));
  }
  void push_kind(PickleKind kind) {
    PickleObject made;
    made.kind = kind;
    push(std::move(made));
  }
  void push_integer(PickleKind kind, int64_t value) {
    PickleObject made;
    made.kind = kind;
    made.integer = value;
    push(std::move(made));
  }
  void push_text(PickleKind kind, std::optional<std::string_view> text) {
    if (text) {
      PickleObject made;
      made.kind = kind;
      made.text = *text;
      push(std::move(made));
    }
  }

  // How many objects lie above the last mark: what an opcode may pop.
  size_t available() const { return stack_.size() - (marks_.empty() ? 0 : marks_.back()); }

  std::optional<PickleId> pop() {
    if (available() == 0) {
      refuse("the stack is empty");
      return std::nullopt;
    }
    const PickleId top = stack_.back();
    stack_.pop_back();
    return top;
  }
  std::optional<PickleId> top() {
    if (available() == 0) {
      refuse("the stack is empty");
      return std::nullopt;
    }
    return stack_.back();
  }
  std::optional<Objects> pop_count(size_t count) {
    if (available() < count) {
      refuse("the stack is empty");
      return std::nullopt;
    }
    Objects taken(stack_.end() - static_cast<ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return taken;
  }
  std::optional<Objects> pop_mark() {
    if (marks_.empty()) {
      refuse("no mark on the stack");
      return std::nullopt;
    }
    auto taken = pop_count(available());
    marks_.pop_back();
    return taken;
  }

  void add_items(PickleId to, std::span<const PickleId> items) {
    total_items_ += items.size();
    if (total_items_ > kMaxItems) {
      return refuse("too many items");
    }
    auto& target = object(to).items;
    target.insert(target.end(), items.begin(), items.end());
  }
  void push_tuple(const std::optional<Objects>& items) {
    if (items) {
      push_kind(PickleKind::kTuple);
      if (problem_.empty()) {
        add_items(stack_.back(), *items);
      }
    }
  }
  void extend(PickleKind kind, const std::optional<Objects>& items) {
    const auto target = items ? top() : std::nullopt;
    if (!target) {
      return;
    }
    if (object(*target).kind != kind) {
      return refuse("items are added to something that holds none");
    }
    if (kind == PickleKind::kDict && items->size() % 2 != 0) {
      return refuse("a key has no value");
    }
    add_items(*target, *items);
  }

  void remember(uint64_t slot) {
    if (const auto id = top()) {
      memo_.insert_or_assign(slot, *id);
    }
  }
  void recall(uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) {
      return refuse(fmt::format("memo slot {} is empty", slot));
    }
    stack_.push_back(found->second);
  }

  // --- Names and calls.

  void push_global(std::string_view module, std::string_view name) {
    const auto known =
        std::find_if(kPickleGlobals.begin(), kPickleGlobals.end(),
                     [&](const KnownPickleGlobal& g) { return g.module == module && g.name == name; });
    if (known == kPickleGlobals.end()) {
      return refuse(fmt::format("names {}.{}, which a checkpoint of weights does not need; refused",
                                printable(module), printable(name)));
    }
    PickleObject made;
    made.kind = PickleKind::kGlobal;
    made.integer = static_cast<int64_t>(known->global);
    made.dtype = known->dtype;
    push(std::move(made));
  }

  std::optional<PickleGlobal> as_global(PickleId id) {
    const PickleObject& made = object(id);
    if (made.kind != PickleKind::kGlobal) {
      return std::nullopt;
    }
    return static_cast<PickleGlobal>(made.integer);
  }

  void call() {
    const auto arguments = pop();
    const auto function = arguments ? pop() : std::nullopt;
    if (!function) {
      return;
    }
    const auto global = as_global(*function);
    if (!global || object(*arguments).kind != PickleKind::kTuple) {
      return refuse("calls something that is no function");
    }
    const Objects& given = object(*arguments).items;
    switch (*global) {
      case PickleGlobal::kOrderedDict:
        return make_dict(given);
      case PickleGlobal::kSize:
        if (given.size() != 1 || object(given[0]).kind != PickleKind::kTuple) {
          return refuse("torch.Size needs a tuple");
        }
        return stack_.push_back(given[0]);
      case PickleGlobal::kRebuildTensor:
        return make_tensor(given);
      case PickleGlobal::kRebuildParameter:
        if (given.empty() || object(given[0]).kind != PickleKind::kTensor) {
          return refuse("a parameter holds no tensor");
        }
        return stack_.push_back(given[0]);
      case PickleGlobal::kOpaque:
        return push_kind(PickleKind::kOpaque);
      case PickleGlobal::kStorageType:
        return refuse("makes a storage outside of the file's storages");
    }
  }

  // OrderedDict() or, from Python 2, OrderedDict([[key, value], ...]).
  void make_dict(const Objects& given) {
    Objects items;
    if (given.size() > 1) {
      return refuse("OrderedDict with several arguments");
    }
    if (given.size() == 1) {
      const PickleObject& pairs = object(given[0]);
      if (pairs.kind != PickleKind::kList) {
        return refuse("OrderedDict of something that is no list");
      }
      for (const PickleId id : pairs.items) {
        const PickleObject& pair = object(id);
        const bool is_pair = pair.kind == PickleKind::kList || pair.kind == PickleKind::kTuple;
        if (!is_pair || pair.items.size() != 2) {
          return refuse("OrderedDict of something else than pairs");
        }
        items.insert(items.end(), pair.items.begin(), pair.items.end());
      }
    }
    push_kind(PickleKind::kDict);
    if (problem_.empty()) {
      add_items(stack_.back(), items);
    }
  }

  // A shape or its strides. The length is checked first: calls are cheap to write, long tuples cheap to
  // repeat.
  bool is_integers(PickleId id) {
    const PickleObject& made = object(id);
    return made.kind == PickleKind::kTuple && made.items.size() <= kMaxDimensions &&
           std::all_of(made.items.begin(), made.items.end(),
                       [&](PickleId item) { return object(item).kind == PickleKind::kInt; });
  }

  void make_tensor(const Objects& given) {
    if (given.size() < 4 || object(given[0]).kind != PickleKind::kStorage ||
        object(given[1]).kind != PickleKind::kInt || !is_integers(given[2]) || !is_integers(given[3])) {
      return refuse("a tensor is not (storage, offset, size, stride, ...) with at most 8 dimensions");
    }
    const Objects parts(given.begin(), given.begin() + 4);
    push_kind(PickleKind::kTensor);
    if (problem_.empty()) {
      add_items(stack_.back(), parts);
    }
  }

  // Persistent ids: ("storage", type, key, location, elements), in legacy files also a view, which must be
  // None.
  void load_persistent() {
    const auto id = pop();
    if (!id) {
      return;
    }
    const PickleObject& tuple = object(*id);
    const Objects& parts = tuple.items;
    const auto kind = [&](size_t i) { return object(parts[i]).kind; };
    const bool shaped = tuple.kind == PickleKind::kTuple && (parts.size() == 5 || parts.size() == 6) &&
                        kind(0) == PickleKind::kText && object(parts[0]).text == "storage" &&
                        kind(1) == PickleKind::kGlobal && as_global(parts[1]) == PickleGlobal::kStorageType &&
                        kind(2) == PickleKind::kText && kind(3) == PickleKind::kText &&
                        kind(4) == PickleKind::kInt;
    if (!shaped) {
      return refuse("a storage is not ('storage', type, key, location, elements)");
    }
    if (parts.size() == 6 && kind(5) != PickleKind::kNone) {
      return refuse("a storage is a view of another (written by PyTorch before 0.4; save it again)");
    }
    PickleObject storage;
    storage.kind = PickleKind::kStorage;
    storage.dtype = object(parts[1]).dtype;
    storage.text = object(parts[2]).text;
    storage.integer = object(parts[4]).integer;
    push(std::move(storage));
  }

  // obj.__setstate__: only objects whose state we have no use for.
  void build() {
    const auto state = pop();
    const auto target = state ? top() : std::nullopt;
    if (!target) {
      return;
    }
    const PickleKind kind = object(*target).kind;
    if (kind != PickleKind::kDict && kind != PickleKind::kTensor && kind != PickleKind::kOpaque) {
      refuse("sets the state of something that has none");
    }
  }

  void make_instance() {
    const auto arguments = pop();
    const auto type = arguments ? pop() : std::nullopt;
    if (!type) {
      return;
    }
    if (as_global(*type) != PickleGlobal::kOpaque) {
      return refuse("makes an object of a type that a checkpoint of weights does not need");
    }
    push_kind(PickleKind::kOpaque);
  }

  // Integers of any length, little-endian two's complement.
  void push_long(std::optional<std::string_view> raw) {
    if (!raw) {
      return;
    }
    if (raw->size() > sizeof(int64_t)) {
      return push_text(PickleKind::kLong, raw);
    }
    uint64_t value = !raw->empty() && (static_cast<uint8_t>(raw->back()) & 0x80U) != 0 ? ~uint64_t{0} : 0;
    for (size_t i = raw->size(); i-- > 0;) {
      value = (value << 8) | static_cast<uint8_t>((*raw)[i]);
    }
    push_integer(PickleKind::kInt, static_cast<int64_t>(value));
  }

  void push_float() {
    if (const auto raw = take_bytes(sizeof(double))) {
      uint64_t bits = 0;
      for (const uint8_t byte : *raw) {  // the one big-endian number in the format
        bits = (bits << 8) | byte;
      }
      PickleObject made;
      made.kind = PickleKind::kFloat;
      made.number = std::bit_cast<double>(bits);
      push(std::move(made));
    }
  }

  template <typename T>
  void push_int() {
    if (const auto value = take<T>()) {
      push_integer(PickleKind::kInt, static_cast<int64_t>(*value));
    }
  }

  void stop() {
    if (const auto result = pop()) {
      if (!stack_.empty() || !marks_.empty()) {
        return refuse("the stack is not empty at the end");
      }
      pickle_.root_ = *result;
      stopped_ = true;
    }
  }

  void check_protocol() {
    if (const auto protocol = take<uint8_t>(); protocol && *protocol > kMaxProtocol) {
      refuse(fmt::format("protocol {}, the newest known is {}", *protocol, kMaxProtocol));
    }
  }

  void step(uint8_t opcode) {
    // clang-format off
    switch (opcode) {
      case 0x80: return check_protocol();                                                // PROTO
      case 0x95: return static_cast<void>(take<uint64_t>());                             // FRAME: a hint for buffering
      case '.': return stop();                                                           // STOP
      case '(': return marks_.push_back(stack_.size());                                  // MARK
      case '0': return static_cast<void>(pop());                                         // POP
      case '1': return static_cast<void>(pop_mark());                                    // POP_MARK
      case 'N': return push_kind(PickleKind::kNone);                                     // NONE
      case 0x88: return push_integer(PickleKind::kBool, 1);                              // NEWTRUE
      case 0x89: return push_integer(PickleKind::kBool, 0);                              // NEWFALSE
      case 'J': return push_int<int32_t>();                                              // BININT
      case 'K': return push_int<uint8_t>();                                              // BININT1
      case 'M': return push_int<uint16_t>();                                             // BININT2
      case 0x8a: return push_long(take_text<uint8_t>());                                 // LONG1
      case 0x8b: return push_long(take_text<uint32_t>());                                // LONG4
      case 'G': return push_float();                                                     // BINFLOAT
      case 'X': return push_text(PickleKind::kText, take_text<uint32_t>());              // BINUNICODE
      case 0x8c: return push_text(PickleKind::kText, take_text<uint8_t>());              // SHORT_BINUNICODE
      case 0x8d: return push_text(PickleKind::kText, take_text<uint64_t>());             // BINUNICODE8
      case 'T': return push_text(PickleKind::kText, take_text<uint32_t>());              // BINSTRING
      case 'U': return push_text(PickleKind::kText, take_text<uint8_t>());               // SHORT_BINSTRING
      case 'B': return push_text(PickleKind::kText, take_text<uint32_t>());              // BINBYTES
      case 'C': return push_text(PickleKind::kText, take_text<uint8_t>());               // SHORT_BINBYTES
      case ')': return push_kind(PickleKind::kTuple);                                    // EMPTY_TUPLE
      case 't': return push_tuple(pop_mark());                                           // TUPLE
      case 0x85: return push_tuple(pop_count(1));                                        // TUPLE1
      case 0x86: return push_tuple(pop_count(2));                                        // TUPLE2
      case 0x87: return push_tuple(pop_count(3));                                        // TUPLE3
      case ']': return push_kind(PickleKind::kList);                                     // EMPTY_LIST
      case 'a': return extend(PickleKind::kList, pop_count(1));                          // APPEND
      case 'e': return extend(PickleKind::kList, pop_mark());                            // APPENDS
      case '}': return push_kind(PickleKind::kDict);                                     // EMPTY_DICT
      case 's': return extend(PickleKind::kDict, pop_count(2));                          // SETITEM
      case 'u': return extend(PickleKind::kDict, pop_mark());                            // SETITEMS
      case 'c': return load_global();                                                    // GLOBAL
      case 0x93: return stack_global();                                                  // STACK_GLOBAL
      case 'R': return call();                                                           // REDUCE
      case 0x81: return make_instance();                                                 // NEWOBJ
      case 'b': return build();                                                          // BUILD
      case 'Q': return load_persistent();                                                // BINPERSID
      case 'q': return remember_next(take<uint8_t>());                                   // BINPUT
      case 'r': return remember_next(take<uint32_t>());                                  // LONG_BINPUT
      case 0x94: return remember(memo_.size());                                          // MEMOIZE
      case 'h': return recall_next(take<uint8_t>());                                     // BINGET
      case 'j': return recall_next(take<uint32_t>());                                    // LONG_BINGET
      // clang-format on
      default:
        refuse(fmt::format("opcode 0x{:02x} is not one that torch.save writes; refused", opcode));
    }
  }

  void load_global() {
    const auto module = take_line();
    const auto name = module ? take_line() : std::nullopt;
    if (name) {
      push_global(*module, *name);
    }
  }
  void stack_global() {
    const auto name = pop();
    const auto module = name ? pop() : std::nullopt;
    if (!module) {
      return;
    }
    if (object(*name).kind != PickleKind::kText || object(*module).kind != PickleKind::kText) {
      return refuse("a name is not text");
    }
    push_global(object(*module).text, object(*name).text);
  }
  template <typename T>
  void remember_next(std::optional<T> slot) {
    if (slot) {
      remember(*slot);
    }
  }
  template <typename T>
  void recall_next(std::optional<T> slot) {
    if (slot) {
      recall(*slot);
    }
  }

  std::span<const uint8_t> bytes_;
  size_t at_ = 0;
  Pickle pickle_;
  std::vector<PickleId> stack_;
  std::vector<size_t> marks_;
  std::unordered_map<uint64_t, PickleId> memo_;  // a map, since a file may number its slots as it likes
  size_t total_items_ = 0;
  bool stopped_ = false;
  std::string problem_;
};

Result<Pickle> Pickle::parse(std::span<const uint8_t> bytes) {
  return PickleMachine(bytes).run();
}

}  // namespace compass
