// Starting libvips.
#pragma once

#include "core/result.h"

namespace compass::tools::images {

// Starts libvips, whose loaders are all off. Nothing that libraries have to say through GLib is shown: our
// own messages say what matters, one line each. `out_of_memory` is called before GLib, which never gives back
// null, aborts the process. Errors: kFailure.
Status start_vips(void (*out_of_memory)());

// Lets libvips load the formats that this folder leaves to it, and nothing else.
void allow_loaders();

}  // namespace compass::tools::images
