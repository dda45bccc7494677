#!/bin/bash
# Searches with AFL++ for SECONDS in each fuzz target, from its corpus and fixtures. What crashes or hangs is kept beside the target.
#   tests/afl.sh BUILD [SECONDS]
set -u
build=${1:-build} seconds=${2:-20} passed=0 failed=0
export AFL_NO_UI=1 AFL_QUIET=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_AFFINITY=1
for target in "$build"/afl/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target") kind=${target##*fuzz_}
    work=$(mktemp -d)
    mkdir "$work/seeds"
    for seed in tests/fuzz/corpus/"$kind"/* tests/fixtures/"$kind"/*; do
        [ -s "$seed" ] && [ -f "$seed" ] && cp "$seed" "$work/seeds"
    done
    afl-fuzz -V "$seconds" -t 2000 -i "$work/seeds" -o "$work/out" -- "$target" >"$work/log" 2>&1
    status=$?
    found=$(find "$work/out" \( -path '*/crashes/id*' -o -path '*/hangs/id*' \) 2>/dev/null)
    runs=$(sed -n 's/^execs_done *: //p' "$work/out/default/fuzzer_stats" 2>/dev/null)
    if [ $status = 0 ] && [ -z "$found" ] && [ "${runs:-0}" != 0 ]; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $name: $runs runs"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $name: status $status"
        tail -n 15 "$work/log" | sed 's/^/#   /'
        for input in $found; do
            cp "$input" "$build/afl/$kind-$(basename "$input" | tr ':,' '__')" && echo "#   kept: $build/afl/$kind-$(basename "$input" | tr ':,' '__')"
        done
    fi
    rm -rf "$work"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
