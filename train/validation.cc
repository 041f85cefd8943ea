// Rate-distortion points on the held-back pictures of each kind: real rounding, the model's own estimate of
// bits.
#include <iomanip>
#include <iostream>
#include <map>
#include <vector>

#include "pyramid.h"
#include "trainer.h"

namespace compass::train {
namespace {

constexpr int64_t kSide = 512;  // of the centre crop that is coded, at most

// `multiple`: of the side.
Tensor centre(const Tensor& pixels, int64_t multiple) {
  const int64_t most = std::min(kSide, std::min(pixels.size(1), pixels.size(2)));
  const int64_t side = std::max(most / multiple, int64_t{1}) * multiple;
  const int64_t y = (pixels.size(1) - side) / 2, x = (pixels.size(2) - side) / 2;
  return pixels.slice(1, y, y + side).slice(2, x, x + side).to(at::kFloat).div(255.0).unsqueeze(0);
}

}  // namespace

void Trainer::validate() {
  std::map<std::string, std::vector<const Picture*>> kinds;
  for (const Picture& picture : dataset_.validation) kinds[picture.kind].push_back(&picture);
  for (const auto& [kind, pictures] : kinds) validate(kind, pictures);
}

void Trainer::validate(const std::string& kind, const std::vector<const Picture*>& pictures) {
  const torch::NoGradGuard guard;
  const Stage& stage = stages()[current()];
  // Mei et al.'s layers work on such sizes alone.
  const int64_t multiple = system_->mei.is_empty() ? 1 : int64_t{2} * kMeiFactor << kMeiLayers;
  for (size_t p = 0; p < system_->rate_points.size(); ++p) {
    ValidationPoint point{
        stage.name, kind, global_step(), seconds_ + elapsed(), static_cast<int>(p), system_->rate_points[p]};
    for (const Picture* picture : pictures) {
      const Tensor top = centre(picture->pixels, multiple).to(device_);
      const int64_t side = top.size(2);
      std::vector<Tensor> layers = {top};
      for (const int64_t shrink : {2, 4}) {
        if (!system_->layered()) break;
        layers.insert(layers.begin(), resize_bicubic(top, side / shrink, side / shrink).clamp(0, 1));
      }
      const Tensor rate = torch::full({1}, static_cast<double>(p), device_);
      const auto outs =
          system_->forward(layers, {rate, {}, dtype_, {}}, stage.prediction, Quantisation::kRounding);
      point.bpp.resize(outs.size());
      point.psnr.resize(outs.size());
      for (size_t k = 0; k < outs.size(); ++k) {
        const double bpp = outs[k].bpp.item<double>();
        const double mse =
            at::square(outs[k].reconstruction.clamp(0, 1) - outs[k].original).mean().item<double>();
        const double n = static_cast<double>(pictures.size());
        point.bpp[k] += bpp / n;
        point.psnr[k] += decibels(mse) / n;
        point.total_bpp += bpp / n * static_cast<double>(layers[k].size(2) * layers[k].size(3)) /
                           static_cast<double>(side * side);
      }
    }
    std::cout << "  validation  " << kind << (kind.empty() ? "" : "  ") << "lambda " << std::fixed
              << std::setprecision(4) << point.lambda << std::setprecision(3) << "  all layers "
              << point.total_bpp << " bpp " << std::setprecision(2) << point.psnr.back() << " dB  each";
    for (size_t k = 0; k < point.bpp.size(); ++k) {
      std::cout << "  " << std::setprecision(3) << point.bpp[k] << "/" << std::setprecision(2)
                << point.psnr[k];
    }
    std::cout << std::endl;
    log_.write(point);
  }
}

}  // namespace compass::train
