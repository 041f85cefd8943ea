#include "progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace compass::tools {
namespace {

constexpr std::chrono::milliseconds kPatience{1000};  // shorter work stays silent
constexpr std::chrono::milliseconds kInterval{100};   // between two drawings
constexpr int kCells = 32;

// `cells` wide, in eighths of a cell.
std::string bar(double done) {
  static constexpr const char* kEighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int eighths = static_cast<int>(done * kCells * 8);
  std::string out;
  for (int i = 0; i < eighths / 8; ++i) out += "█";
  out += kEighths[eighths % 8];
  const int used = (eighths + 7) / 8;
  return out + std::string(static_cast<size_t>(kCells - used), ' ');
}

}  // namespace

ProgressBar::ProgressBar(std::string label, bool quiet)
    : label_(std::move(label)), enabled_(!quiet && isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

Progress ProgressBar::callback() {
  if (!enabled_) return {};
  return [this](double done) {
    show(done);
    return true;
  };
}

void ProgressBar::show(double done) {
  const Clock::time_point now = Clock::now();
  if (now - start_ < kPatience || (drawn_ && now - last_ < kInterval)) return;
  last_ = now;
  drawn_ = true;
  done = std::clamp(done, 0.0, 1.0);
  const double elapsed = std::chrono::duration<double>(now - start_).count();
  std::string left;
  if (done > 0.02) left = fmt::format("{:.0f} s left", elapsed * (1.0 - done) / done);
  const std::string line =
      fmt::format("\r{} ▕{}▏ {:3.0f} %  {}\x1b[K", label_, bar(done), done * 100.0, left);
  std::fputs(line.c_str(), stderr);  // failures are ignored: the work does not depend on its display
}

}  // namespace compass::tools
