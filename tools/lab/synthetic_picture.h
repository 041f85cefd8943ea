// Pictures for measuring speed where the user gives none.
#pragma once

#include "image/image.h"

namespace compass::tools {

// A picture with a photo's statistics, roughly: detail at every scale falling off as 1/frequency, a few sharp
// edges, correlated colours, a little noise. The same bytes for the same size every time.
Rgb8Image synthetic_picture(Size size);

}  // namespace compass::tools
