#!/bin/sh
# shapes.sh BUILD [small|full] [PROGRAM...] - common shapes of files that one program reads, each with the shipped plan: the
# program runs plainly and under `lens run` with a small budget; all output must be equal, and a stated share of what was
# virtualised must have been given up. small: a few megabytes; full: 60 MB, and the peak of anonymous memory is shown.
set -u
build=$(cd "${1:?usage: tests/shapes.sh BUILD [small|full] [PROGRAM...]}" && pwd) || exit 2
size=${2:-small}
if [ $# -ge 2 ]; then shift 2; else shift; fi
wanted=" $* "
top=$(cd "$(dirname "$0")/.." && pwd)
plans=$top/examples/plans
# shellcheck source=tests/programs/lib.sh
. "$top/tests/programs/lib.sh"
data=$work/data
peak=$build/tests/support/peak
pick() { if [ "$size" = small ]; then echo "$1"; else echo "$2"; fi; }
want() { [ "$wanted" = "  " ] || case $wanted in *" $1 "*) ;; *) return 1 ;; esac; }

anon_of() { sed -n 's/.* anon=\([0-9]*\) .*/\1/p' "$1"; }

# peaks COMMAND...: what anonymous memory the command has at its peak, plainly and with lens, in full only.
peaks()
{
    [ "$size" = full ] || return 0
    # shellcheck disable=SC2086
    (
        cd "$work/data" || exit 2
        "$peak" --out "$work/peak.plain" -- "$@" > /dev/null 2>&1 < /dev/null
        "$peak" --out "$work/peak.lens" -- "$lens" run --quiet --budget "$budget" $options --plan "$plan" --store-dir "$work/store" -- \
            "$@" > /dev/null 2>&1 < /dev/null
    )
    echo "    peak: $(($(anon_of "$work/peak.plain") / 1024)) MB plain, $(($(anon_of "$work/peak.lens") / 1024)) MB with lens"
}

# shape TITLE MIN_SAVED COMMAND...
shape()
{
    title=$1 min_saved=$2
    shift 2
    plain_key=
    row "$title" "$@"
    peaks "$@"
}

for part in "$top"/tests/shapes/*.sh; do
    name=${part##*/}
    want "${name%.sh}" || continue
    reset
    options=--store=none budget=$(pick 1M 8M) timeout=$(pick 120 600)
    # shellcheck disable=SC1090
    . "$part"
    rm -rf "$data" "$work/plain" "$work/lens" "$work/store"
    mkdir -p "$data"
    mkdir -m 700 "$work/store"
done
closing_line
