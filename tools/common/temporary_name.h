// Names of unfinished files, which are removed when the program ends.
#pragma once

#include <string>

namespace compass::tools {

// A name for a file that is not finished. The file is removed when this object goes, unless released, and
// when SIGINT, SIGTERM, SIGHUP or SIGQUIT end the process, which then ends by that signal as it would have
// anyway. Signals that the process ignores or handles otherwise are left as they are.
class TemporaryName {
 public:
  TemporaryName() = default;  // names nothing
  // A random name in `target`'s directory, which no file should have.
  static TemporaryName beside(const std::string& target);

  TemporaryName(TemporaryName&& other) noexcept;
  TemporaryName& operator=(TemporaryName&& other) noexcept;
  ~TemporaryName();

  bool empty() const { return name_ == nullptr; }
  const char* c_str() const { return name_; }

  void remove();   // the file, if it is there; names nothing from then on
  void release();  // the file is finished, or never was ours: stays; names nothing from then on

 private:
  char* name_ = nullptr;  // where the signal handler can find it
};

}  // namespace compass::tools
