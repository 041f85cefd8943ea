#include "eval/cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "eval/picture_file.h"
#include "eval/process.h"

namespace compass::eval {
namespace {

using nlohmann::json;

// Infinity (a lossless layer) is not a JSON number.
json number(double value) {
  return std::isinf(value) ? json("inf") : json(value);
}

std::optional<double> number(const json& value) {
  if (value == "inf") return HUGE_VAL;
  if (value.is_number()) return value.get<double>();
  return std::nullopt;
}

}  // namespace

Result<Cache> Cache::open(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error || access(directory.c_str(), W_OK) != 0) {
    return Error{ErrorCode::kIo, fmt::format("{}: the cache directory cannot be written", directory)};
  }
  return Cache(directory);
}

std::string Cache::path(const std::string& key, const std::string& ending) const {
  const std::string hash = content_hash(key.data(), key.size());
  return fmt::format("{}/{}/{}{}", directory_, hash.substr(0, 2), hash.substr(2), ending);
}

std::optional<Measurement> Cache::find(const std::string& key, size_t layers) const {
  const Result<std::vector<uint8_t>> bytes = read_file(path(key, ".json"));
  if (!bytes) return std::nullopt;
  const json document = json::parse(bytes->begin(), bytes->end(), nullptr, false);
  if (!document.is_object() || document.value("key", "") != key) return std::nullopt;
  try {
    Measurement m;
    m.encode_seconds = document.at("encode_seconds").get<double>();
    m.encode_peak_kib = document.at("encode_peak_kib").get<uint64_t>();
    m.decode_peak_kib = document.at("decode_peak_kib").get<uint64_t>();
    for (const json& layer : document.at("layers")) {
      const std::optional<double> psnr = number(layer.at("psnr"));
      if (!psnr) return std::nullopt;
      m.layers.push_back({layer.at("bytes").get<uint64_t>(), *psnr, number(layer.at("ms_ssim")),
                          layer.at("decode_seconds").get<double>()});
      for (const PerceptualMetric& metric : kPerceptualMetrics) {
        if (layer.contains(metric.name)) m.layers.back().seen.*metric.value = number(layer.at(metric.name));
      }
    }
    if (m.layers.size() != layers) return std::nullopt;
    return m;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

void Cache::store(const std::string& key, const Measurement& m) const {
  json layers = json::array();
  for (const Measurement::Layer& l : m.layers) {
    layers.push_back({{"bytes", l.bytes},
                      {"psnr", number(l.psnr)},
                      {"ms_ssim", l.ms_ssim ? json(*l.ms_ssim) : json()},
                      {"decode_seconds", l.decode_seconds}});
    for (const PerceptualMetric& metric : kPerceptualMetrics) {
      if (const auto& value = l.seen.*metric.value) layers.back()[metric.name] = *value;
    }
  }
  const json document{{"key", key},
                      {"layers", std::move(layers)},
                      {"encode_seconds", m.encode_seconds},
                      {"encode_peak_kib", m.encode_peak_kib},
                      {"decode_peak_kib", m.decode_peak_kib}};
  static std::atomic<unsigned> serial{0};
  const std::string target = path(key, ".json");
  const std::string temporary = fmt::format("{}.{}.{}", target, getpid(), serial++);
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(target).parent_path(), ignored);
  if (write_file(temporary, document.dump())) std::filesystem::rename(temporary, target, ignored);
}

}  // namespace compass::eval
