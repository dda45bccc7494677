#!/bin/bash
# The states of a page: every meeting of prover, eviction, touches, read(2) and write(2), a lease's end, a block's end and a fork, explored (tests/model/pages.c),
# and that the sources make no transition that the model does not know, nor the other way round.
#   tests/model.sh BUILD
set -u
build=${1:-build}
program=$build/tests/model/pages
out=$(mktemp)
trap 'rm -f "$out" "$out".*' EXIT
passed=0 failed=0
check() { # name, 0 if well
    if [ "$2" = 0 ]; then passed=$((passed + 1)); echo "ok $((passed + failed)) - $1"
    else failed=$((failed + 1)); echo "not ok $((passed + failed)) - $1"; sed 's/^/#   /' "$out"; fi
}
timeout 240 "$program" >"$out" 2>&1
status=$?
check "nothing is lost in $(sed -n 's/^ok - \([0-9]* states\).*/\1/p' "$out")" $([ $status = 0 ] && grep -q '^ok - ' "$out"; echo $?)
check "nine mistakes, built in, are each found" $([ "$(grep -c '^with mistake' "$out")" = 9 ] && [ "$(grep -c '^wrong: ' "$out")" = 9 ]; echo $?)
# Transitions by compare-and-swap with both states written out; where the first is a variable, the tests before it say which.
grep -hoE 'lensi_page_change\([^;]*, *LENSI_[A-Z]+, *LENSI_[A-Z]+\)' liblens/*/*.c |
    sed -E 's/.*LENSI_([A-Z]+), *LENSI_([A-Z]+)\)$/\1 \2/' | sort -u >"$out.sources"
"$program" --transitions | sort -u >"$out.model"
diff "$out.sources" "$out.model" >"$out"
check "the sources' transitions are the model's" $?
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
