#include "eval/facts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "eval/picture_file.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

// The value after the first `separator` of the first line that begins with `key`.
std::string value_of(const char* file, const std::string& key, char separator) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with(key)) continue;
    std::string value = line.substr(line.find(separator) + 1);
    std::erase(value, '"');
    return value.substr(std::min(value.find_first_not_of(" \t"), value.size()));
  }
  return "unknown";
}

}  // namespace

std::string machine_fact() {
  const double gib = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                     static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024.0 * 1024 * 1024);
  // Times taken on a busy machine are longer: say how busy it was.
  double load = 0;
  if (getloadavg(&load, 1) != 1) load = 0;
  return fmt::format("{}, {} cores, {:.0f} GiB, {}, load {:.1f}",
                     value_of("/proc/cpuinfo", "model name", ':'), std::thread::hardware_concurrency(), gib,
                     value_of("/etc/os-release", "PRETTY_NAME", '='), load);
}

std::string model_fact(const Model& model, const std::string& path) {
  std::error_code error;
  const uint64_t bytes = std::filesystem::file_size(path, error);
  std::string points;
  for (const double p : model.rate_points()) points += fmt::format("{}{:g}", points.empty() ? "" : " ", p);
  return fmt::format(
      "{}, id {}, {} parameters, {}, lambda {}", model.name(), to_string(model.id()), model.parameters(),
      error ? std::string("size unknown") : fmt::format("{:.2f} MB", static_cast<double>(bytes) / 1e6),
      points);
}

std::string program_hash() {
  const Result<std::vector<uint8_t>> bytes = read_file("/proc/self/exe");
  return bytes ? content_hash(bytes->data(), bytes->size()) : "unknown";
}

}  // namespace compass::eval
