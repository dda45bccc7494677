#!/bin/bash
# A program that touches at random under a hard limit of a memory control group, by default options: it ends well, uses what the
# limit leaves, and nothing is read ahead for nothing. Counts, never times.
#   tests/tight.sh BUILD
set -u
build=${1:-build}
top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
check() { # name, 0 if well
    if [ "$2" = 0 ]; then passed=$((passed + 1)); echo "ok $((passed + failed)) - $1"
    else failed=$((failed + 1)); echo "not ok $((passed + failed)) - $1"; sed 's/^/#   /' "$work/err" "$work/stats" 2>/dev/null; fi
}
skip() { echo "0 passed, 0 failed, 1 skipped ($1)"; exit 0; }

command -v shuf >/dev/null || skip "no shuf"
"$build/tests/support/peak" --cgroup none --out /dev/null true 2>/dev/null || skip "no memory control group can be made"
"$build/tests/gen/gen" lines 400000 4 >"$work/lines.txt"
set -- shuf "--random-source=$work/lines.txt" "$work/lines.txt"
want=$("$@" | cksum)
limit=17408K # of 21 MB
counted() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$work/stats"; }

for store in auto none disk; do
    rm -f "$work/stats"
    "$build/tests/support/peak" --cgroup $limit --swap-limit 0 --timeout 240 --out "$work/note" --stdout "$work/out" -- \
        "$build/lens" run --store $store --store-dir "$work/store-$store" --stats "$work/stats" --plan "$top/examples/plans/shuf.plan" -- "$@" 2>"$work/err"
    status=$?
    [ $status = 0 ] && [ "$(cksum <"$work/out")" = "$want" ]
    check "$store: ends well, output identical" $?
    [ -s "$work/stats" ] && [ "$(counted budget_bytes)" -gt $((17408 * 1024 / 3)) ]
    check "$store: the budget is what the limit leaves" $?
    [ -s "$work/stats" ] && [ $(($(counted readahead_pages) * 4)) -lt "$(counted faults)" ]
    check "$store: read-ahead is earned" $?
    [ $store = disk ] || { [ -s "$work/stats" ] && [ "$(counted store_written_bytes)" = 0 ]; }
    check "$store: no second file of a file's own bytes" $?
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
