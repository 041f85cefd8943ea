#!/usr/bin/env bash
# Fuzzes each target for some seconds, from its committed corpus and from what earlier runs here have found. Stops at
# the first finding and says where it is kept.
#
#   scripts/fuzz.sh SECONDS [TARGET...]     e.g. scripts/fuzz.sh 1800 decode
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

seconds=${1:?"says for how many seconds each target runs: scripts/fuzz.sh SECONDS [TARGET...]"}
shift
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(bitstream entropy alpha import model decode reader command site)

install_packages "${build_packages[@]}" "${test_packages[@]}" "${fuzz_packages[@]}"
directory=$root/build/sanitize
build_sanitized "$directory" "${targets[@]/%/_fuzz}"

mkdir -p "$directory/findings"
for target in "${targets[@]}"; do
  found=$directory/corpus/$target
  log=$directory/$target.log
  mkdir -p "$found"
  if ! "$directory/fuzz/${target}_fuzz" -max_total_time="$seconds" -timeout=60 -rss_limit_mb=3000 -print_final_stats=1 \
    -artifact_prefix="$directory/findings/$target-" "$found" "$root/fuzz/corpus/$target" >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    die "$target found something: see $directory/findings"
  fi
  say "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs, nothing found"
done
