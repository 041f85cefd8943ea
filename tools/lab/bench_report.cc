#include "bench_report.h"

#include <fmt/format.h>

#include <array>

#include "common/layer_table.h"

namespace compass::tools {
namespace {

// A stage's name in StageTimes, its name in the report, and whether it is a network, whose multiply-adds are
// compared with the machine's peak.
struct Stage {
  const char* key;
  const char* name;
  bool network;
};
constexpr std::array<Stage, 13> kStages{{{"pyramid", "pyramid", false},
                                         {"bicubic", "bicubic prediction", false},
                                         {"g_a", "g_a", true},
                                         {"h_a", "h_a", true},
                                         {"h_s", "h_s", true},
                                         {"g_s", "g_s", true},
                                         {"liff features", "LIFF features", true},
                                         {"liff mlp", "LIFF MLP", true},
                                         {"backward pass", "g_s, backward pass", true},
                                         {"search", "search", false},
                                         {"filter", "loop filter", true},
                                         {"entropy", "entropy", false},
                                         {"kernels", "kernels", false}}};

// Sums over the stages of a run.
struct Totals {
  double seconds = 0.0;
  double network_seconds = 0.0;  // of the networks' stages alone
  double network_macs = 0.0;
};

// Null if the stage did not run.
const nn::StageTimes::Entry* find(const Measured& measured, const Stage& stage) {
  const auto it = measured.stages.entries().find(stage.key);
  return it == measured.stages.entries().end() ? nullptr : &it->second;
}

Totals totals_of(const Measured& measured) {
  Totals sum;
  for (const Stage& stage : kStages) {
    const nn::StageTimes::Entry* entry = find(measured, stage);
    if (entry == nullptr) continue;
    sum.seconds += entry->seconds;
    if (!stage.network) continue;
    sum.network_seconds += entry->seconds;
    sum.network_macs += entry->macs;
  }
  return sum;
}

// What multiplied, within 80 columns.
std::string kernel_lines(const Report& r) {
  std::string text;
  std::string line = fmt::format("kernels   {}; convolutions:", r.kernels);
  for (const std::string& name : r.convolutions) {
    if (line.size() + 1 + name.size() > 80) {
      text += line + "\n";
      line = "         ";
    }
    line += " " + name;
  }
  return text + line + "\n";
}

std::string line(const std::string& name, double seconds, double macs, double peak) {
  std::string text = fmt::format("  {:<20}{:>9.1f}", name, seconds * 1e3);
  if (macs > 0.0) {
    const double gflop = 2e-9 * macs;
    text +=
        fmt::format("{:>10.2f}{:>11.0f}{:>9.1f} %", gflop, gflop / seconds, 100.0 * gflop / seconds / peak);
  }
  return text + "\n";
}

// A table of one way's stages, within 80 columns.
std::string table(const std::string& title, const Report& report, const Measured& measured) {
  std::string text =
      fmt::format("{:<22}{:>9}{:>10}{:>11}{:>11}\n", title, "ms", "GFLOP", "GFLOP/s", "of peak");
  for (const Stage& stage : kStages) {
    const nn::StageTimes::Entry* entry = find(measured, stage);
    if (entry != nullptr) text += line(stage.name, entry->seconds, entry->macs, report.peak());
  }
  const Totals totals = totals_of(measured);
  text += line("glue", measured.seconds - totals.seconds, 0.0, 1.0);
  text += line("networks together", totals.network_seconds, totals.network_macs, report.peak());
  text += line("all", measured.seconds, totals.network_macs, report.peak());
  text += fmt::format("  {:.2f} s per megapixel; first run {:.0f} ms (kernels {:.0f}); {:.0f} MB resident\n",
                      measured.seconds / report.megapixels(), measured.first * 1e3, measured.kernels * 1e3,
                      measured.peak_memory * 1e-6);
  return text;
}

}  // namespace

const char* name_of(Precision precision) {
  return precision == Precision::kBF16 ? "bf16" : precision == Precision::kExact ? "exact" : "f32";
}

std::string text_of(const Report& r) {
  std::string layers;
  for (const Size size : r.sizes) layers += fmt::format(" {}x{}", size.width, size.height);
  return fmt::format("model     {}, read in {:.0f} ms\npicture   {}\nlayers   {}, {} bytes\n", r.model,
                     r.model_seconds * 1e3, r.picture, layers, grouped(r.bytes)) +
         fmt::format("machine   {} {}, networks in {}; peak of all threads, measured now:\n", r.threads,
                     r.threads == 1 ? "thread" : "threads", name_of(r.precision)) +
         fmt::format("          f32 {:.0f} GFLOP/s{}\n", r.peak_f32,
                     r.peak_bf16 > 0.0 ? fmt::format(", bf16 {:.0f} GFLOP/s", r.peak_bf16) : "") +
         kernel_lines(r) +
         (r.bf16() ? "\n"
                   : "GFLOP of direct convolutions; Winograd's algorithm takes a quarter for 3x3\n\n") +
         table("encode", r, r.encode) + "\n" + table("decode", r, r.decode);
}

Json json_of(const Report& report, const Measured& measured) {
  Json stages = Json::object();
  for (const Stage& stage : kStages) {
    const nn::StageTimes::Entry* entry = find(measured, stage);
    if (entry == nullptr) continue;
    stages[stage.name] = {{"ms", entry->seconds * 1e3}};
    if (!stage.network) continue;
    const double gflop = 2e-9 * entry->macs;
    stages[stage.name]["gflop"] = gflop;
    stages[stage.name]["gflops"] = gflop / entry->seconds;
    stages[stage.name]["of_peak"] = gflop / entry->seconds / report.peak();
  }
  const Totals totals = totals_of(measured);
  const double gflop = 2e-9 * totals.network_macs;
  stages["glue"] = {{"ms", (measured.seconds - totals.seconds) * 1e3}};
  return {{"seconds", measured.seconds},
          {"seconds_per_megapixel", measured.seconds / report.megapixels()},
          {"first_run_seconds", measured.first},
          {"first_run_kernels_seconds", measured.kernels},
          {"peak_bytes", measured.peak_memory},
          {"gflop", gflop},
          {"networks_of_peak", gflop / totals.network_seconds / report.peak()},
          {"stages", stages}};
}

}  // namespace compass::tools
