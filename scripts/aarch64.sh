#!/usr/bin/env bash
# Runs the conformance suite on AArch64: cross-compiles it, without oneDNN, and lets an emulator decode the committed
# files, every layer's exact pixels included. Then encodes them, to the bytes that this machine's build makes of them.
#
#   scripts/aarch64.sh [directory for the build]
#
# Packages of that architecture are unpacked into the build's directory; the system stays as it is. Exits with 77 where
# they cannot be had.
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
  # Not before "||": there a failing command would not end the function.
  set +e
  (set -e; unpack_packages "${cross_libraries[@]}")
  unpacked=$?
  set -e
  [ $unpacked -eq 0 ] || { say "AArch64's packages cannot be had: left out"; exit 77; }
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

# one_suite FILES MODEL: decodes, and encodes on both machines if this one has a program.
one_suite() {
  local files=$root/tests/conformance/$1 model=$root/tests/data/$2.safetensors made=$directory/$1
  emulated "$model" check "$files" 1 || return 1
  [ -x "$native" ] || return 0
  rm -rf "$made"
  mkdir -p "$made/emulated" "$made/native"
  emulated "$model" encode "$made/emulated" 1 exact && "$native" "$model" encode "$made/native" 1 exact || return 1
  diff -r "$made/native" "$made/emulated" || { say "files encoded on AArch64 differ"; return 1; }
  say "encodes to the same bytes"
}
# Side by side: an emulator is slow.
say "Decoding and encoding, on AArch64 and here"
suites=(wide_files:wide trellis_files:tiny_trellis files:tiny)
processes=()
for suite in "${suites[@]}"; do
  one_suite "${suite%:*}" "${suite#*:}" >"$directory/${suite%:*}.log" 2>&1 &
  processes+=($!)
done
status=0
for i in "${!suites[@]}"; do
  wait "${processes[$i]}" || status=1
  sed "s/^/${suites[$i]%:*}: /" "$directory/${suites[$i]%:*}.log"
done
[ $status -eq 0 ] || die "AArch64 differs: see above"
