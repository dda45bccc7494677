#!/bin/sh
# programs.sh BUILD [small|full] [PROGRAM...] - real programs, not rebuilt, run plainly and under `lens run` with the plan of
# examples/plans and a small budget. Standard output, standard error, files written and exit status must be equal to the byte,
# and a stated share of the virtualised memory must have been given up (absent or mapped) at once.
#
# A program whose package is missing is a skipped row. Everything happens in a private folder that is removed at the end.
set -u
build=$(cd "${1:?usage: tests/programs.sh BUILD [small|full] [PROGRAM...]}" && pwd) || exit 2
size=${2:-small}
if [ $# -ge 2 ]; then shift 2; else shift; fi
wanted=" $* "
top=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck disable=SC2034 # the parts use these two
plans=$top/examples/plans
# shellcheck disable=SC2034
libraries=/usr/lib/$(uname -m)-linux-gnu
# shellcheck source=tests/programs/lib.sh
. "$top/tests/programs/lib.sh"
data=$work/data

case $size in small | full) ;; *) echo "programs.sh: size is small or full, not $size" >&2; exit 2 ;; esac
# pick SMALL FULL
pick() { if [ "$size" = small ]; then echo "$1"; else echo "$2"; fi; }
# shellcheck disable=SC2034 # lib.sh uses it
row_timeout=$(pick 120 1200)
want() { [ "$wanted" = "  " ] || case $wanted in *" $1 "*) ;; *) return 1 ;; esac; }

for part in "$top"/tests/programs/[0-9]*.sh; do
    name=${part##*/}
    name=${name#[0-9]*-}
    want "${name%.sh}" || continue
    reset
    plain_key=
    # shellcheck disable=SC1090
    . "$part"
    rm -rf "$data" "$work/plain" "$work/lens" "$work/store"
    mkdir -p "$data"
    mkdir -m 700 "$work/store"
done
closing_line
