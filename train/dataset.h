// Training pictures: a folder of binary PPM files, held in memory as bytes, cropped at random.
#pragma once

#include <torch/torch.h>

#include <random>
#include <string>
#include <vector>

namespace compass::train {

struct Picture {
  std::string name;
  torch::Tensor pixels;  // [3,H,W] uint8
};

// Reads one binary PPM (P6, 8 bits). Throws c10::Error with the file's name if it is not one.
Picture read_ppm(const std::string& path);

// All .ppm files of a folder, by name. The first `held_back` (of a fixed shuffle) are the validation set.
struct Dataset {
  std::vector<Picture> train;
  std::vector<Picture> validation;
};
Dataset load_dataset(const std::string& folder, int held_back);

// `count` random patches [count,3,size,size] in [0,1]: a crop of up to `max_shrink` times the size, flipped
// at random, shrunk by antialiased bicubic. Shrinking makes photos as sharp and detailed as the pictures of
// common test sets.
torch::Tensor random_patches(const std::vector<Picture>& pictures, int64_t count, int64_t size,
                             double max_shrink, std::mt19937_64& random);

}  // namespace compass::train
