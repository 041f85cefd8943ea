#include "fit/learner_module.h"

#include <dlfcn.h>

#include <string>

namespace compass::fit {
namespace {

Result<LearnerModuleEntry*> load() {
  // Without a directory, so that the loader chooses; programs say where it looks (lab/fit/CMakeLists.txt).
  void* const library = dlopen(COMPASS_FIT_MODULE, RTLD_NOW | RTLD_LOCAL);  // stays until the program ends
  void* const entry = library == nullptr ? nullptr : dlsym(library, kLearnerModuleEntry);
  if (entry == nullptr) {
    return Error{ErrorCode::kFailure, std::string("cannot load the part that fits filters: ") + dlerror() +
                                          "; install compass again"};
  }
  return reinterpret_cast<LearnerModuleEntry*>(entry);
}

}  // namespace

Result<std::unique_ptr<FilterLearner>> make_filter_learner() {
  static const Result<LearnerModuleEntry*> entry = load();
  if (!entry) return entry.error();
  return std::unique_ptr<FilterLearner>((*entry)());
}

}  // namespace compass::fit
