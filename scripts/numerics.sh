#!/usr/bin/env bash
# Measures what docs/numerics.md reports, and writes its tables anew.
#
#   scripts/numerics.sh [PHOTO...]     default: the Kodak pictures of $COMPASS_SHARED (../shared)
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

shared=${COMPASS_SHARED:-$root/../shared}
photos=("$@")
[ ${#photos[@]} -gt 0 ] || photos=("$shared"/data/kodak/*.png)
[ -e "${photos[0]}" ] || die "no photos: name some, or set COMPASS_SHARED"
install_packages "${build_packages[@]}" libbenchmark-dev

directory=$root/build/bench
build "$directory" numerics -- -DCOMPASS_TESTS=OFF -DCOMPASS_BENCH=ON
tables=$("$directory/bench/numerics" "$shared/golden" "$root/models/lite.safetensors" \
  "$root/train/weights/lite.safetensors" "${photos[@]}")

page=$root/docs/numerics.md
marker='<!-- What follows is written by scripts/numerics.sh. -->'
text=$(sed "\\|^$marker\$|q" "$page")
printf '%s\n\n%s\n' "$text" "$tables" >"$page"
say "Wrote $page"
