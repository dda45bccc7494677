#!/bin/sh
# demo.sh BUILD - the main job on a real program that knows nothing of lens: liblinear-train, as the distribution ships it,
# trains on a text file with and without lens. Three rounds, medians. Everything happens in a private folder.
set -u
build=$(cd "${1:?usage: tests/demo.sh BUILD}" && pwd) || exit 2
top=$(cd "$(dirname "$0")/.." && pwd)
rows=${DEMO_ROWS:-100000}
command -v liblinear-train > /dev/null || { echo "demo: liblinear-train is not installed (package liblinear-tools)" >&2; exit 1; }
# shellcheck source=tests/programs/lib.sh
. "$top/tests/programs/lib.sh"
peak=$build/tests/support/peak
cd "$work" || exit 2

echo "Making a training file of $rows rows ..."
"$gen" svm "$rows" 40 20000 1 > train.svm
megabytes=$(awk -v r="$rows" 'BEGIN { printf "%d", r * 42 * 16 / 1e6 }')
budget=$((megabytes / 10))
echo "liblinear-train -s 2 reads it into one array of $megabytes MB and goes over that again and again."
echo "With lens it may keep $budget MB of it. Three rounds of each ..."

group=
"$peak" --cgroup none --out /dev/null true 2> /dev/null && group="--cgroup none"

# one NAME COMMAND...: adds a line to NAME.runs; the model goes to NAME.model.
one()
{
    name=$1
    shift
    # shellcheck disable=SC2086
    "$peak" --interval 5 --out note --stdout /dev/null $group -- "$@" liblinear-train -s 2 -q train.svm "$name.model" 2>> errors || {
        echo "demo: a run ended with status $?:" >&2
        tail -n 5 errors >&2
        exit 1
    }
    tr ' ' '\n' < note > "$name.note"
    for key in anon unreclaimable total cgroup_peak wall; do
        sed -n "s/^$key=//p" "$name.note" >> "$name.$key"
    done
}

with="$lens run --quiet --plan $top/examples/plans/liblinear-train.plan --budget ${budget}M"
for _ in 1 2 3; do
    one plain
    rm -rf store
    # shellcheck disable=SC2086
    one faulted $with --store none --slowdown-limit off --
    # shellcheck disable=SC2086
    one stored $with --store disk --store-dir "$work/store" --
done

median() { sort -n "$1.$2" | sed -n 2p; }
cells()
{
    awk -v name="$1" -v anon="$(median "$2" unreclaimable)" -v total="$(median "$2" total)" -v group="$(median "$2" cgroup_peak)" \
        -v wall="$(median "$2" wall)" -v base="$(median plain unreclaimable)" -v same="$3" 'BEGIN {
        printf "  %-26s %8.1f MB %5.2f x %8.1f MB %12s %8.2f s   %s\n", name, anon / 1024, anon / base, total / 1024,
            (group > 0 ? sprintf("%.1f MB", group / 1024) : "-"), wall, same }'
}
identical() { cmp -s plain.model "$1.model" && echo identical || echo "DIFFERS"; }

echo
printf '  %-26s %11s %7s %11s %12s %10s   %s\n' "" "anonymous" "" "with files" "its cgroup" "time" "model"
echo "  -----------------------------------------------------------------------------------------------"
cells "plain" plain "-"
cells "lens, made again" faulted "$(identical faulted)"
cells "lens, mapped from a store" stored "$(identical stored)"
echo
echo "Anonymous: memory that only swap could take away, at its peak (with shared memory and swap). With files: the"
echo "file pages it had mapped too. Its cgroup: all memory charged to it, page cache that the kernel can drop included."
echo "Made again: with --slowdown-limit off. By default a run that would take more than twice its time gets memory back."
[ "$(identical faulted)$(identical stored)" = identicalidentical ]
