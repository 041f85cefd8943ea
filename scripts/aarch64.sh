#!/usr/bin/env bash
# Runs the conformance suite on AArch64: cross-compiles it, without oneDNN, and lets an emulator decode the committed
# files, every layer's exact pixels included. Then encodes them, to the bytes that this machine's build makes of them.
#
#   scripts/aarch64.sh [directory for the build]
#
# Packages of that architecture are unpacked into the build's directory; the system stays as it is.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

directory=${1:-$root/build/aarch64}
sysroot=$directory/sysroot
architecture=aarch64-linux-gnu
install_packages "${cross_packages[@]}"

# unpack_packages NAME...: and what they depend on, into the sysroot, by package lists of our own, which are AArch64's.
# The C library is the compiler's.
unpack_packages() {
  local state=$directory/apt package needed
  local options=(-q -o APT::Architecture=arm64 -o APT::Architectures=arm64 -o Dir::State::lists="$state/lists"
    -o Dir::Cache="$state" -o Dir::State::status="$state/status" -o APT::Sandbox::User=root)
  mkdir -p "$state/lists/partial" "$state/archives/partial" "$sysroot"
  touch "$state/status"
  apt-get "${options[@]}" update >/dev/null
  cd "$state"
  rm -f ./*.deb
  apt-get "${options[@]}" download "$@" >/dev/null
  needed=$(for package in ./*.deb; do dpkg-deb -f "$package" Depends; done | tr ',' '\n' |
    sed -E 's/^ *([^ :]+).*/\1/; /^(libc6|libgcc|libstdc)/d' | sort -u)
  # shellcheck disable=SC2086  # a list
  apt-get "${options[@]}" download $needed >/dev/null
  for package in ./*.deb; do dpkg-deb -x "$package" "$sysroot"; done
  cd "$OLDPWD"
}
if [ ! -e "$sysroot/.complete" ]; then
  say "Unpacking AArch64's libraries into $sysroot"
  unpack_packages "${cross_libraries[@]}"
  touch "$sysroot/.complete"
fi

say "Building for AArch64 into $directory"
export PKG_CONFIG_LIBDIR=$sysroot/usr/lib/$architecture/pkgconfig PKG_CONFIG_SYSROOT_DIR=$sysroot
build "$directory" compass_conformance -- -DCMAKE_TOOLCHAIN_FILE="$root/cmake/aarch64.cmake" -DCOMPASS_SYSROOT="$sysroot" \
  -DCOMPASS_CONFORMANCE_ONLY=ON -DCOMPASS_ONEDNN=OFF

program=$directory/tests/conformance/compass_conformance
emulated() {
  qemu-aarch64 -L "/usr/$architecture" -E LD_LIBRARY_PATH="$sysroot/usr/lib/$architecture:$sysroot/lib/$architecture" "$program" "$@"
}
native=$root/build/test/tests/conformance/compass_conformance
for suite in files:tiny trellis_files:tiny_trellis wide_files:wide; do
  files=$root/tests/conformance/${suite%:*}
  model=$root/tests/data/${suite#*:}.safetensors
  say "Decoding ${suite%:*}"
  emulated "$model" check "$files" 2
  [ -x "$native" ] || continue
  say "Encoding ${suite%:*}, on AArch64 and here"
  rm -rf "$directory/encoded" "$directory/native"
  mkdir -p "$directory/encoded" "$directory/native"
  emulated "$model" encode "$directory/encoded" 2 exact
  "$native" "$model" encode "$directory/native" 1 exact
  diff -r "$directory/native" "$directory/encoded" || die "files encoded on AArch64 differ"
done
