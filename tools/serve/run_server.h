// A site on the network until somebody stops it.
#pragma once

#include <csignal>
#include <functional>
#include <string>

#include "core/result.h"
#include "serve/site.h"

namespace compass::tools::serve {

// Where the module for pages is: beside the models, or where COMPASS_WEB_PATH says; empty if it is not
// installed.
std::string installed_web_folder();

// SIGINT, SIGTERM and SIGHUP, blocked while it lives: to be made before any thread is started, since threads
// block what the one that starts them does.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  // Until one of them comes.
  void wait() const;

 private:
  sigset_t signals_{};
  sigset_t before_{};
};

// Serves until one of the signals comes, and then finishes answers on their way. `ready` is told the port,
// once connections are taken. Errors: HttpModule::listen's.
Status run_server(const ServerOptions& options, Site& site, const StopSignals& signals,
                  const std::function<Status(int port)>& ready);

}  // namespace compass::tools::serve
