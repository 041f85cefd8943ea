#!/usr/bin/env bash
# Installs what is missing, builds everything, runs every test. Its last line counts them.
#
#   scripts/test.sh [ctest options]      e.g. scripts/test.sh -R image
#
# compass-train and its tests are left out, with a word about it, only if LibTorch cannot be installed.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

install_packages "${build_packages[@]}" "${test_packages[@]}"
train=ON
if ! (install_packages "${train_packages[@]}") >/dev/null 2>&1; then
  train=OFF
  say "LibTorch cannot be installed: compass-train and its tests are left out"
fi

directory=$root/build/test
say "Building into $directory"
build "$directory" all -- -DCOMPASS_TESTS=ON -DCOMPASS_TRAIN=$train

say "Testing"
results=$directory/results.xml
status=0
ctest --test-dir "$directory" --output-on-failure --output-junit "$results" "$@" || status=$?

# ctest counts programs; count the cases inside them too, as each reports them.
count() { sed -n "s/.*<testsuite[^>]* $1=\"\([0-9]*\)\".*/\1/p; s/^[[:space:]]*$1=\"\([0-9]*\)\".*/\1/p" "$results" | head -n 1; }
total=$(count tests) failed=$(count failures) skipped=$(count skipped)
cases=$(grep -cE '^\[ +OK \]|^(ok|test_.*\.\.\. ok)' "$results" || true)
say "$((total - failed)) of $total test programs passed, ${cases:-0} test cases in them, ${skipped:-0} skipped, ${failed:-0} failed"
exit "$status"
