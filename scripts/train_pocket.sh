#!/usr/bin/env bash
# Trains the pocket systems (docs/training.md, "The paper's rivals") one after the other, and exports them.
#   scripts/train_pocket.sh PICTURES OUT [SECONDS]
# PICTURES is a folder of PPM files (scripts/train_pictures.sh). OUT gets a model for each system and lambda, named
# SYSTEM-LAMBDA.safetensors, and a folder each to go on from. The systems of lambda 0.0067 go through all their stages.
# Those of the paper's other three lambdas begin with the weights of a neighbour, and have 300 steps of the last stage;
# so do two more lambdas of COMPASS's rivals, without which their curves would end below COMPASS's.
# After SECONDS (default: a day) nothing goes on. Run again, it goes on where it was. COMPASS_TRAIN names the trainer, if
# it need not be built.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

[ $# -ge 2 ] || die "usage: scripts/train_pocket.sh PICTURES OUT [SECONDS]"
pictures=$1 out=$2 seconds=${3:-86400}
[ -d "$pictures" ] || die "$pictures: no such folder; scripts/train_pictures.sh makes one"
[[ $seconds =~ ^[1-9][0-9]*$ ]] || die "'$seconds' is no number of seconds"
end=$(($(date +%s) + seconds))

if [ -z "${COMPASS_TRAIN:-}" ]; then
  install_packages "${build_packages[@]}" "${train_packages[@]}"
  build "$root/build/train" compass-train -- -DCOMPASS_TRAIN_ONLY=ON
  COMPASS_TRAIN=$root/build/train/train/compass-train
fi

# train SYSTEM LAMBDA BASE NEIGHBOUR: to its end, upon the base codec of the system BASE ("-": its own), beginning with the
# weights for the lambda NEIGHBOUR ("-": with none); then exports it. What is exported already is left alone.
train() {
  local name=$1-$2 left arguments starts=()
  [ -e "$out/$name.safetensors" ] && return
  arguments=(--config "$root/train/configs/pocket-$1.json" --data "$pictures" --out "$out/$name" --lambda "$2")
  [ "$4" = - ] || arguments+=(--finish "$finish")
  # A run that is there already has its weights.
  if [ ! -e "$out/$name/last.ckpt" ]; then
    [ "$4" = - ] || starts+=(--start-from "$out/$1-$4.weights")
    [ "$3" = - ] || starts+=(--start-from "$out/$3-$2.weights")
  fi
  left=$((end - $(date +%s)))
  [ "$left" -gt 0 ] || die "time is up; run this again to go on with $name"
  say "$name"
  OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 "$COMPASS_TRAIN" "${arguments[@]}" "${starts[@]}" --max-seconds "$left" \
    >> "$out/$name.log" || die "$name: see $out/$name.log"
  [ $((end - $(date +%s))) -gt 0 ] || die "time is up; run this again to go on with $name"
  "$COMPASS_TRAIN" "${arguments[@]}" --save-weights "$out/$name.weights" > /dev/null
  "$COMPASS_TRAIN" "${arguments[@]}" --export "$out/$name.safetensors" > /dev/null
}

mkdir -p "$out"
finish=300
for pair in 0.0067:- 0.0035:0.0067 0.0018:0.0035 0.013:0.0067 0.025:0.013 0.0483:0.025; do
  lambda=${pair%:*} neighbour=${pair#*:}
  train base "$lambda" - "$neighbour"
  train factorised "$lambda" - "$neighbour"
  case $lambda in
    0.025 | 0.0483) ;;
    *)
      train compass "$lambda" base "$neighbour"
      train liif "$lambda" base "$neighbour"
      ;;
  esac
  train mei "$lambda" factorised "$neighbour"
  train mei-hyperprior "$lambda" base "$neighbour"
done
say "$out: compass and liif for four lambdas, base, factorised, mei and mei-hyperprior for six"
