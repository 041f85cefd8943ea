#include "run_log.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iomanip>
#include <sstream>

namespace compass::train {
namespace {

// Opens for appending; a new file gets its heading.
std::ofstream open(const std::string& path, const std::string& heading) {
  const bool fresh = !std::filesystem::exists(path);
  std::ofstream file(path, std::ios::app);
  if (fresh) file << heading << "\n";
  return file;
}

std::string duration(double seconds) {
  const auto s = static_cast<int64_t>(seconds + 0.5);
  std::ostringstream out;
  if (s >= 3600) {
    out << s / 3600 << " h " << std::setw(2) << std::setfill('0') << s / 60 % 60 << " min";
  } else if (s >= 60) {
    out << s / 60 << " min";
  } else {
    out << s << " s";
  }
  return out.str();
}

void add_layers(std::ostream& out, const std::vector<double>& bpp, const std::vector<double>& psnr) {
  for (size_t k = 0; k < 3; ++k) {
    out << ",";
    if (k < bpp.size()) out << bpp[k];
    out << ",";
    if (k < psnr.size()) out << psnr[k];
  }
}

constexpr const char* kLayers = "bpp0,psnr0,bpp1,psnr1,bpp2,psnr2";

}  // namespace

double decibels(double mse) {
  return -10.0 * std::log10(std::max(mse, 1e-10));
}

RunLog::RunLog(const std::string& folder)
    : steps_(open(
          folder + "/log.csv",
          std::string("seconds,stage,step,global_step,loss,grad_norm,rate,patches_per_second,") + kLayers)),
      validation_(open(folder + "/validation.csv",
                       std::string("seconds,stage,kind,global_step,rate_point,lambda,total_bpp,") + kLayers)),
      events_(std::make_unique<EventFile>(folder)) {}

void RunLog::write(const Progress& p) {
  if (!events_) return;
  steps_ << p.seconds << "," << p.stage << "," << p.step << "," << p.global_step << "," << p.loss << ","
         << p.norm << "," << p.rate << "," << p.patches_per_second;
  add_layers(steps_, p.bpp, p.psnr);
  steps_ << std::endl;
  std::vector<Scalar> scalars = {{"train/loss", p.loss},
                                 {"train/grad_norm", p.norm},
                                 {"train/learning_rate", p.rate},
                                 {"train/patches_per_second", p.patches_per_second}};
  for (size_t k = 0; k < p.bpp.size(); ++k) {
    scalars.push_back({"train/layer" + std::to_string(k) + "/bpp", p.bpp[k]});
    scalars.push_back({"train/layer" + std::to_string(k) + "/psnr", p.psnr[k]});
  }
  events_->write(p.global_step, scalars);
}

void RunLog::write(const ValidationPoint& p) {
  if (!events_) return;
  validation_ << p.seconds << "," << p.stage << "," << p.kind << "," << p.global_step << "," << p.rate_point
              << "," << p.lambda << "," << p.total_bpp;
  add_layers(validation_, p.bpp, p.psnr);
  validation_ << std::endl;
  const std::string prefix =
      "validation/" + p.kind + (p.kind.empty() ? "" : "/") + "rate" + std::to_string(p.rate_point) + "/";
  events_->write(p.global_step, {{prefix + "bpp", p.total_bpp}, {prefix + "psnr", p.psnr.back()}});
}

std::string progress_line(const Progress& p) {
  std::ostringstream line;
  line << std::fixed << p.stage << " " << p.step << "/" << p.steps << "  loss " << std::setprecision(3)
       << p.loss;
  for (size_t k = 0; k < p.bpp.size(); ++k) {
    line << "  " << std::setprecision(3) << p.bpp[k] << "/" << std::setprecision(2) << p.psnr[k];
  }
  line << "  " << std::setprecision(1) << p.patches_per_second << "/s  " << duration(p.seconds_left)
       << " left";
  return line.str();
}

}  // namespace compass::train
