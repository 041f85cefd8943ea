#!/usr/bin/env bash
# Makes training pictures of a folder of photos: binary PPM in sRGB, as compass-train reads them, and says how many fixed
# patches they hold. For the paper's set, CLIC's 1,633 training pictures in one folder, it should count 19,813 of 512x512
# and 269,296 of 128x128.
#
#   scripts/train_pictures.sh PHOTOS PICTURES
#
# What is there already is kept. Photos that cannot be read are named and left out.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ $# -eq 2 ] || die "says where photos are and where pictures go: scripts/train_pictures.sh PHOTOS PICTURES"
[ -d "$1" ] || die "$1: no folder of photos"
install_packages libvips-tools
mkdir -p "$2"
count=0 wide=0 narrow=0
while IFS= read -r -d '' photo; do
  name=$(basename "${photo%.*}")
  picture=$2/$name.ppm
  if [ ! -e "$picture" ]; then
    # Upright, in sRGB, 8 bits, no alpha; moved into place when it is whole.
    if ! vips thumbnail "$photo" "$2/.part.ppm" 10000000 --size down --export-profile srgb 2>"$2/.reason"; then
      say "left out: $photo: $(head -n 1 "$2/.reason")" >&2
      continue
    fi
    mv "$2/.part.ppm" "$picture"
  fi
  width=$(vipsheader -f width "$picture") height=$(vipsheader -f height "$picture")
  count=$((count + 1))
  wide=$((wide + width / 512 * (height / 512)))
  narrow=$((narrow + width / 128 * (height / 128)))
done < <(find "$1" -type f \( -iname '*.png' -o -iname '*.jpg' -o -iname '*.jpeg' \) -print0 | sort -z)
rm -f "$2/.part.ppm" "$2/.reason"
[ "$count" -gt 0 ] || die "$1: holds no PNG or JPEG"
say "$count pictures in $2: $wide patches of 512x512, $narrow of 128x128"
