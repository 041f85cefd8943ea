// Training pictures: a folder of binary PPM files, held in memory as bytes, cropped at random. Folders in it
// are kinds of pictures (photos, graphics), which are validated apart and drawn in the shares that a stage
// asks for.
#pragma once

#include <torch/torch.h>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace compass::train {

struct Picture {
  std::string name;
  std::string kind;      // the name of its folder; empty for the top one's
  torch::Tensor pixels;  // [3,H,W] uint8
};

// Reads one binary PPM (P6, 8 bits). Throws c10::Error with the file's name if it is not one.
Picture read_ppm(const std::string& path);

// All .ppm files of a folder and of the folders in it, by kind and name. Of each kind those `held_back` whose
// names have the smallest hashes are the validation set, so pictures that are added later leave it as it is,
// but for those that enter it themselves. Throws c10::Error if a file is not a picture or a kind has no more
// pictures than that.
struct Dataset {
  std::vector<Picture> train;
  std::vector<Picture> validation;
};
Dataset load_dataset(const std::string& folder, int held_back);

// How patches are cut out of pictures.
struct Cropping {
  int64_t size = 256;       // pixels a side, of the patch
  double max_shrink = 1.0;  // crops are up to this many times the size and shrunk by antialiased bicubic
  double own_scale = 0.0;   // the share of crops that are not shrunk: text and thin lines are like that
  // Of patches, by kind. Of what is left, all other pictures have equal shares.
  std::map<std::string, double> shares = {};
};

// `count` random patches [count,3,size,size] in [0,1], flipped and turned at random. Shrinking makes photos
// as sharp and detailed as the pictures of common test sets.
torch::Tensor random_patches(const std::vector<Picture>& pictures, int64_t count, const Cropping& cropping,
                             std::mt19937_64& random);

}  // namespace compass::train
