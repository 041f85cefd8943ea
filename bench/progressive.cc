// What it takes to show all layers of a file one after the other: each decoded from the start, as by
// compass_decode, against a reader's, which keeps the layer below. In turn, in CPU time; the least of each.
//
//   build/test/bench/progressive MODEL FILE.cmps [ROUNDS]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <vector>

#include "compass/compass.hpp"

namespace {

double milliseconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return 1e3 * static_cast<double>(now.tv_sec) + 1e-6 * static_cast<double>(now.tv_nsec);
}

struct Least {
  double cpu = 1e9;
  double wall = 1e9;
  template <typename Work>
  void time(const Work& work) {
    const double cpu_before = milliseconds(CLOCK_PROCESS_CPUTIME_ID), before = milliseconds(CLOCK_MONOTONIC);
    work();
    wall = std::min(wall, milliseconds(CLOCK_MONOTONIC) - before);
    cpu = std::min(cpu, milliseconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_before);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int rounds = argc > 3 ? std::atoi(argv[3]) : 15;
  std::ifstream in(argv[2], std::ios::binary);
  const std::vector<std::uint8_t> file(std::istreambuf_iterator<char>(in), {});
  compass::Options options;
  options.threads = 1;
  compass::Decoder decoder(compass::Model(argv[1]), options);
  const int layers = compass::read_info(file.data(), file.size()).layer_count;
  Least each, kept, top;
  for (int round = 0; round < rounds; ++round) {
    each.time([&] {
      for (int k = 0; k < layers; ++k) decoder.decode(file, compass::layer(k));
    });
    kept.time([&] {
      compass::Reader reader(decoder);
      reader.push(file.data(), file.size());
      std::vector<std::uint8_t> pixels;
      while (reader.is_ready()) {
        const compass::Layer next = reader.next();
        pixels.resize(std::size_t{3} * next.width * next.height);
        compass::Output output;
        output.pixels = pixels.data();
        output.size = pixels.size();
        reader.next_layer(&output);
      }
    });
    top.time([&] { decoder.decode(file); });
  }
  fmt::print("{} layers, one thread, least of {}, ms of CPU (of wall clock)\n", layers, rounds);
  fmt::print("each from the start {:7.1f} ({:.1f})\n", each.cpu, each.wall);
  fmt::print("by a reader         {:7.1f} ({:.1f})\n", kept.cpu, kept.wall);
  fmt::print("the largest alone   {:7.1f} ({:.1f})\n", top.cpu, top.wall);
  return 0;
}
