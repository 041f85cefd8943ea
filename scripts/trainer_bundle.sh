#!/usr/bin/env bash
# Packs what compass-train is built from, with the headers that it needs beside LibTorch's, for machines that have
# LibTorch (or Python's PyTorch) and nothing else: usually those with a GPU.
#   scripts/trainer_bundle.sh [OUT]     default: compass-train.tar.gz
# There:
#   tar xzf compass-train.tar.gz && cd compass-train && ./build.sh && build/train/compass-train --help
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

out=$(realpath "${1:-compass-train.tar.gz}")
install_packages g++ nlohmann-json3-dev libfmt-dev libxxhash-dev

# The directory of a header's package, by the compiler's own search.
include_directory() {
  local header
  header=$(g++ -x c++ -M -include "$1" /dev/null | tr -d '\\' | tr ' ' '\n' | grep -m 1 "/$1\$") ||
    die "no <$1> is found"
  printf '%s\n' "${header%/"$1"}"
}

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
bundle=$folder/compass-train
mkdir -p "$bundle/headers"
cd "$root"
cp -r --parents CMakeLists.txt LICENSE cmake train eval src lab models "$bundle"
for header in nlohmann/json.hpp fmt/format.h xxhash.h; do
  cp -rL "$(include_directory "$header")/${header%%/*}" "$bundle/headers"
done

cat > "$bundle/build.sh" <<'BUILD'
#!/usr/bin/env bash
# Builds build/train/compass-train against LibTorch: CMake's own (Torch_DIR), or else that of python3's PyTorch.
#   ./build.sh [CMAKE_OPTION...]
set -euo pipefail
cd "$(dirname "$0")"
torch=$(python3 -c 'import torch; print(torch.utils.cmake_prefix_path)' 2>/dev/null || true)
cmake -S . -B build -DCOMPASS_TRAIN_ONLY=ON -DCMAKE_PREFIX_PATH="$torch" "$@"
cmake --build build --parallel "$(nproc)"
BUILD
chmod +x "$bundle/build.sh"

tar -C "$folder" -czf "$out" compass-train
say "$out: $(($(stat -c %s "$out") / 1000)) kB"
