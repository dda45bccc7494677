#!/bin/bash
# What threads share in liblens, used by several at once, three times; meant for a build with -fsanitize=thread.
#   tests/races.sh BUILD
set -u
build=${1:-build} passed=0 failed=0
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
# ThreadSanitizer of gcc 12 does not know where newer kernels put mappings.
fixed=
setarch -R true 2> /dev/null && fixed="setarch -R"
for seed in 1 2 3; do
    mkdir "$work/$seed"
    if TSAN_OPTIONS=exitcode=66 timeout 120 $fixed "$build/tests/tools/races" "$work/$seed" $seed > "$work/out" 2>&1; then
        passed=$((passed + 1))
        echo "ok $((passed + failed)) - seed $seed"
    else
        failed=$((failed + 1))
        echo "not ok $((passed + failed)) - seed $seed: status $?"
        head -n 80 "$work/out" | sed 's/^/#   /'
    fi
done
echo "$passed passed, $failed failed"
[ $failed = 0 ]
