// What `serve` and `view` share: how a site decodes, and what its pages bring along.
#pragma once

#include "common/command.h"
#include "core/result.h"
#include "serve/site.h"

namespace compass::tools {

// By the command's flags; the folder, and what of it is served, is the caller's to say. Errors: kUsage,
// kModel.
Result<serve::SiteOptions> site_options(const CommonFlags& flags);

}  // namespace compass::tools
