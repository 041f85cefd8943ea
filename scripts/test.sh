#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test. Its last line counts them.
#
#   scripts/test.sh [ctest options]      e.g. scripts/test.sh -R image
#
# compass-train and its tests are left out, with a word about it, only if LibTorch cannot be installed; likewise the decoder for
# WebAssembly and its tests.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

install_packages "${build_packages[@]}" "${test_packages[@]}" "${python_packages[@]}"
train=ON
if ! (install_packages "${train_packages[@]}") >/dev/null 2>&1; then
  train=OFF
  say "LibTorch cannot be installed: compass-train and its tests are left out"
fi

if (install_packages "${web_test_packages[@]}" && "$root/scripts/wasm.sh") >/dev/null 2>&1; then
  (install_packages chromium) >/dev/null 2>&1 || say "Chromium cannot be installed: tests of pages are left out"
  npm install --prefix "$root/build" --no-save --silent openseadragon@6 >/dev/null 2>&1 ||
    say "npm cannot install OpenSeadragon: its test is left out"
else
  say "Node and what builds for WebAssembly cannot be installed: web/ and its tests are left out"
fi

directory=$root/build/test
say "Building into $directory"
build "$directory" all -- -DCOMPASS_TESTS=ON -DCOMPASS_TRAIN=$train -DCOMPASS_PYTHON=ON \
  -DPython_EXECUTABLE=/usr/bin/python3

say "Testing"
results=$directory/results.xml
status=0
ctest --test-dir "$directory" --output-on-failure --output-junit "$results" --test-output-size-passed 10000000 \
  -j "$(nproc)" "$@" ||
  status=$?

# ctest counts programs; the cases inside them are counted from their own words.
attribute() { sed -n "s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$results" | head -n 1; }
matching() { grep -cE "$1" "$results" || true; }
total=$(attribute tests) failed=$(attribute failures)
cases=$(matching '^\[ +OK \]|(test_|>test_).* \.\.\. ok$|::test_.* PASSED|^ok [0-9]+ - [^#]*$')
skipped=$(matching '^\[  SKIPPED \] [^0-9].*\(|(test_|>test_).* \.\.\. skipped|::test_.* SKIPPED|^ok [0-9]+ - .* # SKIP')
say "$((total - failed)) of $total test programs passed; $cases test cases passed in them, $skipped skipped"
exit "$status"
