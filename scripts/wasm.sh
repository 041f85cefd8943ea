#!/usr/bin/env bash
# Builds the modules for browsers and Node, installing what that takes, and says how large they are.
#
#   scripts/wasm.sh [directory]     build/wasm unless given; makes compass.wasm and compass-encoder.wasm there, and the npm package in package/
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

install_packages "${wasm_packages[@]}"
directory=${1:-$root/build/wasm}
mkdir -p "$directory"
log=$directory/build.log
if ! { cmake -S "$root/web" -B "$directory" -G Ninja -DCMAKE_TOOLCHAIN_FILE="$root/web/wasm_toolchain.cmake" \
         -DCMAKE_BUILD_TYPE=None && ninja -C "$directory" -j "$(build_jobs)"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  die "the build failed; the whole log is $log"
fi

modules=("$directory/compass.wasm" "$directory/compass-encoder.wasm")
for module in "${modules[@]}"; do
  say "$module: $(stat -c %s "$module") bytes, $(gzip -9 -c "$module" | wc -c) by gzip, $(brotli -c "$module" | wc -c) by brotli"
done

# The folder that `npm pack` makes a file of, and that a server can serve as it is.
package=$directory/package
rm -rf "$package"
mkdir -p "$package"
cp "$root"/web/*.mjs "$root"/web/*.mts "$root"/web/viewer.html "$root"/web/package.json "$root"/LICENSE "${modules[@]}" "$package"
gzip -9nk "$package"/*.wasm  # what pages fetch
say "$package: the npm package"
