// What stands for a system and for exceptions, neither of which the module has: it imports nothing.
#include <cstddef>
#include <cstdint>

// Where a failure that is not a value would be thrown, such as for want of memory, the call traps. (Compiled
// with -fignore-exceptions, nothing is ever caught.)
extern "C" void* __cxa_allocate_exception(size_t) {
  __builtin_trap();
}
extern "C" void __cxa_throw(void*, void*, void (*)(void*)) {
  __builtin_trap();
}

// The system calls that the C library refers to, by the names of its imports.
namespace {
constexpr int32_t kBadDescriptor = 8;  // WASI's EBADF
constexpr int32_t kNotSupported = 58;  // ENOTSUP

// For a call that has nothing to write but its result.
void set(int32_t address, uint32_t value) {
  *reinterpret_cast<uint32_t*>(address) = value;
}
}  // namespace

#define WASI(name) __imported_wasi_snapshot_preview1_##name
extern "C" {

// No environment.
int32_t WASI(environ_get)(int32_t, int32_t) {
  return 0;
}
int32_t WASI(environ_sizes_get)(int32_t count, int32_t bytes) {
  set(count, 0);
  set(bytes, 0);
  return 0;
}
// No clock: it stands still, which only statistics of times see.
int32_t WASI(clock_time_get)(int32_t, int64_t, int32_t time) {
  set(time, 0);
  set(time + 4, 0);
  return 0;
}
// No files, not even standard error.
int32_t WASI(fd_close)(int32_t) {
  return kBadDescriptor;
}
int32_t WASI(fd_seek)(int32_t, int64_t, int32_t, int32_t) {
  return kBadDescriptor;
}
int32_t WASI(fd_write)(int32_t, int32_t, int32_t, int32_t) {
  return kBadDescriptor;
}
int32_t WASI(fd_fdstat_get)(int32_t, int32_t) {
  return kNotSupported;
}
[[noreturn]] void WASI(proc_exit)(int32_t) {
  __builtin_trap();
}

}  // extern "C"
