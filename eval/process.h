// Other programs: found on PATH, run, timed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/result.h"

namespace compass::eval {

struct ProcessResult {
  double seconds = 0;      // wall clock, from before the start to the exit
  double cpu_seconds = 0;  // user and system time of the process
  uint64_t peak_kib = 0;   // largest resident set seen, sampled every 2 ms; 0: too short to see
  std::string output;      // standard output and error together, the last 64 kB
};

// Runs argv[0] (looked up on PATH) with empty standard input and waits for it. Errors: kIo (cannot be
// started), kFailure (exit status not 0, killed by a signal, or stopped after `timeout_seconds`); the message
// names the program and quotes the last line it printed.
Result<ProcessResult> run_process(const std::vector<std::string>& argv, double timeout_seconds = 600);

// Full path of a program, searched on PATH unless the name holds a '/'. Empty if there is none.
std::string find_program(const std::string& name);

// A new directory that is removed with all it holds when the object goes.
class Workspace {
 public:
  static Result<Workspace> create();  // below the system's temporary directory. Errors: kIo
  Workspace(Workspace&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  Workspace& operator=(Workspace&&) = delete;
  ~Workspace();

  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  explicit Workspace(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Whole files. Errors: kIo.
Result<std::vector<uint8_t>> read_file(const std::string& path);
Status write_file(const std::string& path, const void* data, size_t size);
Status write_file(const std::string& path, const std::string& text);

}  // namespace compass::eval
