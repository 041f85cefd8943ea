#!/usr/bin/env bash
# Trains the pocket systems (docs/training.md, "The paper's rivals") one after the other, and exports them.
#   scripts/train_pocket.sh PICTURES OUT SECONDS [LAMBDA...]
# PICTURES is a folder of PPM files (scripts/train_pictures.sh). OUT gets a model for each system and lambda, named
# SYSTEM-LAMBDA.safetensors, and a folder each to go on from. Each of the six systems trains for SECONDS at most;
# lambdas are the paper's four unless given. Run again, it goes on where it was: systems that are done are exported
# anew and train no more, others get SECONDS more. COMPASS_TRAIN names the trainer, if it need not be built.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ $# -ge 3 ] || die "usage: scripts/train_pocket.sh PICTURES OUT SECONDS [LAMBDA...]"
pictures=$1 out=$2 seconds=$3
shift 3
lambdas=("$@")
[ ${#lambdas[@]} -gt 0 ] || lambdas=(0.0018 0.0035 0.0067 0.013)
[ -d "$pictures" ] || die "$pictures: no such folder; scripts/train_pictures.sh makes one"
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "'$seconds' is no number of seconds"

if [ -z "${COMPASS_TRAIN:-}" ]; then
  install_packages "${build_packages[@]}" "${train_packages[@]}"
  build "$root/build/train" compass-train -- -DCOMPASS_TRAIN_ONLY=ON
  COMPASS_TRAIN=$root/build/train/train/compass-train
fi

# train SYSTEM LAMBDA [BASE]: to its end or for SECONDS, upon the base codec of the system BASE; then exports it.
train() {
  local name=$1-$2 arguments
  arguments=(--config "$root/train/configs/pocket-$1.json" --data "$pictures" --out "$out/$name" --lambda "$2")
  local start=()
  # A run that is there already has its base codec.
  if [ $# -gt 2 ] && [ ! -e "$out/$name/last.ckpt" ]; then start=(--start-from "$out/$3-$2.weights"); fi
  say "$name: up to $seconds s"
  OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$COMPASS_TRAIN" "${arguments[@]}" "${start[@]}" --max-seconds "$seconds" \
    >> "$out/$name.log" || die "$name: see $out/$name.log"
  if [ $# -eq 2 ]; then "$COMPASS_TRAIN" "${arguments[@]}" --save-weights "$out/$name.weights" > /dev/null; fi
  "$COMPASS_TRAIN" "${arguments[@]}" --export "$out/$name.safetensors" > /dev/null
}

mkdir -p "$out"
for lambda in "${lambdas[@]}"; do
  train base "$lambda"
  train factorised "$lambda"
  train compass "$lambda" base
  train liif "$lambda" base
  train mei "$lambda" factorised
  train mei-hyperprior "$lambda" base
done
say "$out: ${#lambdas[@]} models each of base, factorised, compass, liif, mei, mei-hyperprior"
