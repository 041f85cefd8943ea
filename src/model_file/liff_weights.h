// LIFF's layers, by name.
#pragma once

#include <functional>
#include <string>

#include "model_file/weights.h"

namespace compass {

// Calls visit(name, conv, dense) for every layer of LIFF, widths set, parameters empty.
Status for_each_liff_layer(
    const LiffDescription& liff, LiffWeights& w,
    const std::function<Status(const std::string& name, ConvWeights& conv, bool dense)>& visit);

}  // namespace compass
