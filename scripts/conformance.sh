#!/usr/bin/env bash
# Runs the conformance suite in builds by gcc and clang at -O1 and -O3; each decodes also what the one before it
# encoded. Takes some ten minutes, so it is not part of every test run.
#
#   scripts/conformance.sh [directory for the builds]
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

install_packages "${build_packages[@]}" "${test_packages[@]}" "${fuzz_packages[@]}"
builds=${1:-$root/build/conformance}
clang=$(clang_compiler)
previous=
first=
for compiler in g++ "$clang"; do
  for level in -O1 -O3; do
    directory=$builds/$(basename "$compiler")$level
    say "Building with $compiler $level"
    build "$directory" compass_conformance -- -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_BUILD_TYPE=None \
      -DCMAKE_CXX_FLAGS="$level -DNDEBUG"
    program=$directory/tests/conformance/compass_conformance
    COMPASS_CONFORMANCE=$program COMPASS_CONFORMANCE_OTHER=${previous:-$program} \
      python3 -B "$root/tests/conformance/test_conformance.py" -v
    previous=$program
    first=${first:-$program}
  done
done
say "Decoding with the first build what the last one encodes"
COMPASS_CONFORMANCE=$first COMPASS_CONFORMANCE_OTHER=$previous python3 -B "$root/tests/conformance/test_conformance.py" -v
