#!/usr/bin/env bash
# Makes docs/results_paper.md: every experiment of the paper with lite, one model for all rates, and with the small systems if RUNS,
# the folder that scripts/train_pocket.sh filled, is given.
#
#   scripts/results_paper.sh KODAK [RUNS] [ARGS]      ARGS go to compass-lab eval
#
# COMPASS_LAB names the program (default: build/tools/compass-lab).
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ $# -ge 1 ] || die "usage: scripts/results_paper.sh KODAK [RUNS] [ARGS]"
kodak=$1
shift
rivals=()
if [ $# -gt 0 ] && [[ $1 != -* ]]; then
  runs=$1
  shift
  for system in base factorised compass liif mei mei-hyperprior; do
    models=() lambdas=(0.0018 0.0035 0.0067 0.013)
    case $system in base | factorised | mei*) lambdas+=(0.025 0.0483) ;; esac
    for lambda in "${lambdas[@]}"; do
      model=$runs/$system-$lambda.safetensors
      [ -e "$model" ] || die "$model is not there; scripts/train_pocket.sh makes it"
      models+=("$model")
    done
    rivals+=(--rival "pocket-$system=$(IFS=,; echo "${models[*]}")")
  done
fi
exec "$root/scripts/results.sh" "$kodak" --grid paper --model lite --codecs compass,bicubic,single-layer,simulcast "${rivals[@]}" "$@"
