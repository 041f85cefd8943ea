#include "serve/run_server.h"

#include <pthread.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <system_error>
#include <thread>

namespace compass::tools::serve {
namespace fs = std::filesystem;

StopSignals::StopSignals() {
  sigemptyset(&signals_);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, signal);
  pthread_sigmask(SIG_BLOCK, &signals_, &before_);
}

StopSignals::~StopSignals() {
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void StopSignals::wait() const {
  int which = 0;
  sigwait(&signals_, &which);
}

std::string installed_web_folder() {
  std::error_code error;
  const char* const variable = std::getenv("COMPASS_WEB_PATH");
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  const fs::path folder = variable != nullptr
                              ? fs::path(variable)
                              : (program.parent_path() / COMPASS_INSTALLED_WEB).lexically_normal();
  return fs::is_regular_file(folder / "compass.wasm", error) ? folder.string() : "";
}

Status run_server(const ServerOptions& options, Site& site, const StopSignals& signals,
                  const std::function<Status(int port)>& ready) {
  const auto module = http_module();
  if (!module) return module.error();
  auto server = (*module)->listen(options, [&site](const Request& request) { return site.answer(request); });
  if (!server) return server.error();
  if (const Status told = ready((*server)->port()); !told) return told;
  std::thread waiter([&] {
    signals.wait();
    (*server)->stop();
  });
  const Status status = (*server)->run();
  if (!status) pthread_kill(waiter.native_handle(), SIGTERM);  // it waits for nothing else
  waiter.join();
  return status;
}

}  // namespace compass::tools::serve
