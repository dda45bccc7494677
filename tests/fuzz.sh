#!/bin/bash
# Replays each fuzz target's corpus and fixtures, then searches on for SECONDS each.
#   tests/fuzz.sh BUILD [SECONDS]       SECONDS = 0: only the replay
set -u
build=${1:-build} seconds=${2:-20} passed=0 failed=0
for target in "$build"/fuzz/fuzz_*; do
    [ -x "$target" ] && [ -f "$target" ] || continue
    name=$(basename "$target") kind=${target##*fuzz_}
    work=$(mktemp -d)
    seeds=$(ls -d tests/fuzz/corpus/"$kind" tests/fixtures/"$kind" 2>/dev/null)
    # Artifacts of a failure stay in the build folder; the corpus in the tree is not written.
    if [ "$seconds" = 0 ]; then
        "$target" -runs=0 -artifact_prefix="$build/fuzz/" "$work" $seeds >"$work.log" 2>&1
    else
        "$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=4096 -artifact_prefix="$build/fuzz/" "$work" $seeds >"$work.log" 2>&1
    fi
    if [ $? = 0 ]; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - $name: $(grep -oE '^(Done [0-9]+ runs|#[0-9]+)' "$work.log" | tail -n 1)"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - $name"
        tail -n 25 "$work.log" | sed 's/^/#   /'
    fi
    rm -rf "$work" "$work.log"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
