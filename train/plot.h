// A run's curves as one SVG picture.
#pragma once

#include <string>

namespace compass::train {

// Reads log.csv and validation.csv from `folder`: the loss over the run on the left, the top layer's rate and
// quality at each validation on the right, the latest strongest. Throws c10::Error if there is no log.
std::string plot_run(const std::string& folder);

}  // namespace compass::train
