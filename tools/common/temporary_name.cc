#include "temporary_name.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <random>
#include <utility>

namespace compass::tools {
namespace {

// The names in use, for the signal handler, which gets no arguments. Whoever exchanges a name out of its slot
// owns it. If all slots are taken, a name is not removed on a signal.
constexpr size_t kPlaces = 256;
std::array<std::atomic<char*>, kPlaces> names{};
static_assert(std::atomic<char*>::is_always_lock_free, "a signal handler takes no locks");

void remove_all_and_die(int signal_number) {
  for (std::atomic<char*>& place : names) {
    if (const char* name = place.exchange(nullptr); name != nullptr) unlink(name);
  }
  raise(signal_number);  // the disposition is the default again (SA_RESETHAND)
}

void handle_signals() {
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) != 0) continue;
    const bool untouched = (action.sa_flags & SA_SIGINFO) == 0 && action.sa_handler == SIG_DFL;
    if (!untouched) continue;
    action = {};
    action.sa_handler = remove_all_and_die;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    sigaction(number, &action, nullptr);
  }
}

void enter(char* name) {
  for (std::atomic<char*>& place : names) {
    char* free = nullptr;
    if (place.compare_exchange_strong(free, name)) return;
  }
}

// Takes the name out of its slot and frees it. If it is in no slot, the handler, on another thread, has taken
// it.
void leave(char* name) {
  for (std::atomic<char*>& place : names) {
    char* found = name;
    if (!place.compare_exchange_strong(found, nullptr)) continue;
    delete[] name;
    return;
  }
}

}  // namespace

TemporaryName TemporaryName::beside(const std::string& target) {
  std::random_device random;
  const size_t slash = target.rfind('/');
  const std::string directory = slash == std::string::npos ? "" : target.substr(0, slash + 1);
  const std::string name = fmt::format("{}.compass-{:08x}{:08x}.tmp", directory, random(), random());
  TemporaryName made;
  made.name_ = new char[name.size() + 1];
  std::memcpy(made.name_, name.c_str(), name.size() + 1);
  enter(made.name_);
  handle_signals();
  return made;
}

TemporaryName::TemporaryName(TemporaryName&& other) noexcept : name_(std::exchange(other.name_, nullptr)) {}

TemporaryName& TemporaryName::operator=(TemporaryName&& other) noexcept {
  if (this != &other) {
    remove();
    name_ = std::exchange(other.name_, nullptr);
  }
  return *this;
}

TemporaryName::~TemporaryName() {
  remove();
}

void TemporaryName::remove() {
  if (name_ == nullptr) return;
  unlink(name_);
  release();
}

void TemporaryName::release() {
  if (name_ != nullptr) leave(std::exchange(name_, nullptr));
}

}  // namespace compass::tools
