# Shared by the scripts beside it; to be sourced. Sets `root`, the project's directory.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

say() { printf '%s\n' "$*"; }
die() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; exit 1; }

# What the library and the command are built with.
build_packages=(g++ cmake ninja-build pkg-config libdnnl-dev libhwy-dev libxxhash-dev zlib1g-dev libmd-dev
  libcli11-dev libeigen3-dev nlohmann-json3-dev libfmt-dev libvips-dev liblcms2-dev libheif-dev libtiff-dev
  libopenjp2-7-dev libjpeg-dev libaom-dev libcpp-httplib-dev fonts-dejavu-core)
# What the tests need beside it.
test_packages=(libgtest-dev python3)
# What the Python package and its tests need beside it: Debian's own Python.
python_packages=(python3-dev python3-numpy python3-pil python3-pip python3-setuptools python3-wheel python3-pytest
  python3-distributed pybind11-dev)
# What fuzzing and builds by another compiler need.
fuzz_packages=(clang libclang-rt-dev llvm)
# What the decoder for WebAssembly is built with, and how it is measured.
wasm_packages=(clang-19 lld-19 libc++-19-dev-wasm32 libc++abi-19-dev-wasm32 libclang-rt-19-dev-wasm32 wasi-libc binaryen
  cmake ninja-build libhwy-dev libxxhash-dev nlohmann-json3-dev libfmt-dev brotli)
# What the tests of web/ need beside it.
web_test_packages=(nodejs)
# What compass-train needs beside it.
train_packages=(libtorch-dev libgloo-dev libopenblas0-pthread)

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# install_packages NAME...: installs those that are missing (Debian, Ubuntu); says nothing if none is.
install_packages() {
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  command -v apt-get >/dev/null || die "needs ${missing[*]}: install them, then run this again"
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || die "needs ${missing[*]}: install them as root, then run this again"
    as_root=(sudo)
  fi
  say "Installing ${missing[*]}"
  # The package list may be absent or stale on a fresh machine: it is fetched only if needed.
  local options=(-y -q --no-install-recommends -o Dpkg::Use-Pty=0)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "${missing[@]}" >/dev/null 2>&1 ||
    { "${as_root[@]}" apt-get update -q >/dev/null &&
      "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "${missing[@]}" >/dev/null; }
}

# The newest clang++ there is, under whatever name.
clang_compiler() {
  local name
  for name in clang++ $(compgen -c clang++- | sort -t- -k2 -rn); do
    command -v "$name" >/dev/null && { printf '%s\n' "$name"; return 0; }
  done
  die "needs clang"
}

# Parallel compilers: one per core, but no more than memory allows (about 1 GB each).
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/MemAvailable/ { print int($2 / 1048576) }' /proc/meminfo)
  [ "$memory" -lt 1 ] && memory=1
  echo $((cores < memory ? cores : memory))
}

# build DIRECTORY TARGET... [-- CMAKE_OPTION...]: configures if need be, builds; output only if something is wrong.
build() {
  local directory=$1 log targets=() options=()
  shift
  while [ $# -gt 0 ] && [ "$1" != -- ]; do targets+=("$1"); shift; done
  [ $# -gt 0 ] && shift
  options=("$@")
  mkdir -p "$directory"
  log=$directory/build.log
  if ! { cmake -S "$root" -B "$directory" -G Ninja "${options[@]}" &&
         ninja -C "$directory" -j "$(build_jobs)" "${targets[@]}"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "the build failed; the whole log is $log"
  fi
}

# build_sanitized DIRECTORY TARGET...: by clang, with AddressSanitizer, UndefinedBehaviorSanitizer and the fuzzer's
# counters: one build for sanitize.sh and fuzz.sh.
build_sanitized() {
  build "$@" -- -DCMAKE_CXX_COMPILER="$(clang_compiler)" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O1 \
    -DCOMPASS_FUZZ=ON -DCOMPASS_SANITIZE=address,undefined
}
