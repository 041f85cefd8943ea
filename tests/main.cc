// GoogleTest's main, for programs whose subject computes with vectors. COMPASS_TEST_TARGET=AVX2 leaves
// Highway no better instructions than those (its names), as ONEDNN_MAX_CPU_ISA does for oneDNN: what smaller
// processors run is tested on large ones.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace {

// Of Highway's targets of one architecture the better ones have the lower bits. False if there is none of
// that name.
bool limit_targets(const std::string& name) {
  for (int bit = 0; bit < 62; ++bit) {
    const int64_t target = int64_t{1} << bit;
    if (hwy::TargetName(target) != name) continue;
    hwy::DisableTargets(target - 1);
    return true;
  }
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (const char* name = std::getenv("COMPASS_TEST_TARGET"); name != nullptr && !limit_targets(name)) {
    std::fprintf(stderr, "COMPASS_TEST_TARGET: Highway has no target %s\n", name);
    return 1;
  }
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
