// Expected failures as values: `Result<T>` holds a T or an `Error`. No exceptions leave the library.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace compass {

// What kind of failure this is. The commands' exit codes follow from it (see tools/common/exit_code.h).
enum class ErrorCode {
  kFailure,    // anything without a better name
  kUsage,      // the caller's request is wrong
  kBadFile,    // the input is not what it claims to be, or breaks a limit
  kDamaged,    // truncated or damaged, but a part of it can be used
  kModel,      // the model is missing, unreadable, or not the one the file was made with
  kIo,         // reading or writing failed
  kNeed,       // bytes are needed that have not arrived yet
  kCancelled,  // whoever asked for it called it off
};

// One failure: a kind, and one line that says what, where, and what to do.
struct Error {
  ErrorCode code = ErrorCode::kFailure;
  std::string message;
};

// A value or an Error. Check with `if (!result)`; then `*result` or `result.error()`.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return std::holds_alternative<T>(state_); }
  explicit operator bool() const { return ok(); }

  T& operator*() & { return std::get<T>(state_); }
  const T& operator*() const& { return std::get<T>(state_); }
  T&& operator*() && { return std::get<T>(std::move(state_)); }
  T* operator->() { return &std::get<T>(state_); }
  const T* operator->() const { return &std::get<T>(state_); }

  const Error& error() const { return std::get<Error>(state_); }

 private:
  std::variant<T, Error> state_;
};

// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    assert(error_.has_value());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace compass
