#!/bin/sh
# Makes docs/results.md from measurements; docs/results_paper.md with --grid paper.
#
#   scripts/results.sh                    from report/results.csv, as the last run left it
#   scripts/results.sh PICTURES [ARGS]    measures first: compass eval --images PICTURES ARGS
#
# COMPASS names the program (default: build/tools/compass).
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
compass=${COMPASS:-$root/build/tools/compass}
if [ ! -x "$compass" ]; then
  echo "results.sh: $compass is not there; build the project or set COMPASS" >&2
  exit 1
fi
cd "$root"
page=docs/results.md
case " $* " in *" --grid paper "*) page=docs/results_paper.md ;; esac
if [ $# -gt 0 ]; then
  pictures=$1
  shift
  exec "$compass" eval --images "$pictures" --out report --markdown "$page" "$@"
fi
exec "$compass" eval --from report/results.csv --out report --markdown "$page"
