#!/bin/sh
# Makes docs/results.md from measurements; docs/results_paper.md with --grid paper.
#
#   scripts/results.sh                    from report/results.csv, as the last run left it
#   scripts/results.sh PICTURES [ARGS]    measures first: compass-lab eval --images PICTURES ARGS
#
# COMPASS_LAB names the program (default: build/tools/compass-lab).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
lab=${COMPASS_LAB:-$root/build/tools/compass-lab}
if [ ! -x "$lab" ]; then
  echo "results.sh: $lab is not there; build the project or set COMPASS_LAB" >&2
  exit 1
fi
cd "$root"
page=docs/results.md
case " $* " in *" --grid paper "*) page=docs/results_paper.md ;; esac
if [ $# -gt 0 ]; then
  pictures=$1
  shift
  exec "$lab" eval --images "$pictures" --out report --markdown "$page" "$@"
fi
exec "$lab" eval --from report/results.csv --out report --markdown "$page"
