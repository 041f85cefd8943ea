#!/usr/bin/env bash
# One photo, one file, every size: installs what is missing, builds the command, puts a photo into one file in
# three layers, gets every layer out again, and draws them all on one sheet.
#
#   scripts/quickstart.sh [PHOTO] [QUALITY]     default: a sample photo, quality 50
#
# Results are in quickstart-out/. A second run only does what is left to do.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

photo=${1:-$root/samples/perched-osprey.png}
quality=${2:-50}
[ -r "$photo" ] || die "$photo: cannot read the photo; give the path of a picture"

install_packages "${build_packages[@]}"
command=$root/build/quickstart/tools/compass
[ -x "$command" ] || say "Building (a few minutes, once)"
build "$root/build/quickstart" compass_command -- -DCOMPASS_TESTS=OFF

out=$root/quickstart-out
name=$(basename "${photo%.*}")
mkdir -p "$out"
say
say "$photo -> $out/$name.cmps"
"$command" encode "$photo" "$out/$name.cmps" -q "$quality" --quiet
layers=$("$command" info "$out/$name.cmps" --json | grep -c '"layer":')
for ((k = 0; k < layers; k++)); do
  "$command" decode "$out/$name.cmps" "$out/$name-layer$k.png" --layer "$k" --quiet
done
say
"$command" sheet "$out/$name.cmps" "$out/$name-sheet.png" --original "$photo"
say
say "Look at $out/$name-sheet.png; the layers are beside it as PNG."
