#!/bin/bash
# stress.sh BUILD SECONDS - a program that treats its memory badly (tests/stress/stress.c), preloaded, on every rung of
# the fault ladder and with every store, with a tiny budget. SEED=n chooses the seed (printed). SECONDS is for all of it.
set -u
build=${1:?usage: tests/stress.sh BUILD SECONDS}
seconds=${2:?usage: tests/stress.sh BUILD SECONDS}
seed=${SEED:-20261}
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$build" && pwd) || exit 2
bin=$build/tests/stress
work=$(mktemp -d "${TMPDIR:-/tmp}/lens-stress.XXXXXX") || exit 2
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0 row=0
each=$(awk -v s="$seconds" 'BEGIN { e = s / 17; print e < 1 ? 1 : e }')

mkdir -p "$bin"
mkdir -m 700 "$work/store"
${CC:-gcc} -std=gnu17 -D_GNU_SOURCE -Wall -Wextra -O1 -g -pthread -o "$bin/stress" "$here/stress/stress.c" || exit 2
echo "stress: seed $seed, ${each} s a row"

count() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$work/stats.json" 2>/dev/null | head -n 1; }
say() { # ok or not ok, name, why
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    echo "$1 - $2${3:+ ($3)}"
    [ "$1" = ok ] || sed 's/^/    /' "$work/out" | tail -n 20
}

little_happened() {
    [ "$(count proven_pages)" -lt 1000 ] || { [ "$store" = none ] && [ "$(count faults)" -lt 100 ]; } ||
        { [ "$store" != none ] && [ "$(count mapped_pages)" -lt 100 ]; }
}

# run RUNG STORE THREADS [COMMAND...]: one row. On a busy machine little may happen in its time: it is run for longer then, twice at most.
run() {
    long=${longer:-$each}
    rung=$1 store=$2 threads=$3
    shift 3
    name="$rung, store $store, $threads threads${1:+, $*}"
    row=$((row + 1))
    rm -f "$work/stats.json"
    "$@" timeout -s ABRT $((${long%.*} * 4 + 120)) "$build/lens" run --plan "$here/stress/stress.plan" --fault "$rung" --store "$store" \
        --store-dir "$work/store" --budget 1M --stats "$work/stats.json" -- "$bin/stress" "$work" $((seed + row)) "$threads" "$long" > "$work/out" 2>&1
    status=$?
    if grep -q 'passing through' "$work/out"; then
        skipped=$((skipped + 1))
        echo "skip - $name: $(grep 'passing through' "$work/out" | head -n 1)"
        return
    fi
    rows="$(count proven_pages) proven, $(count evicted_pages) evicted, $(count faults) faults, $(count mapped_pages) mapped, $(count kept_pages) kept"
    if [ "$status" != 0 ]; then
        say "not ok" "$name" "seed $((seed + row)): status $status"
    elif grep -q 'it is not used any more' "$work/out"; then
        say "not ok" "$name" "seed $((seed + row)): a good lens was given up"
    elif little_happened && [ "${long%.*}" -lt $((${each%.*} * 9)) ]; then
        row=$((row - 1)) longer=$((${long%.*} * 3))
        run "$rung" "$store" "$threads" "$@"
        longer=
        return
    elif little_happened; then
        say "not ok" "$name" "seed $((seed + row)): nothing much happened: $rows"
    else
        say ok "$name" "$rows"
    fi
}

if "$bin/stress" "$work" "$seed" 4 1 > "$work/out" 2>&1; then say ok "the program by itself"; else say "not ok" "the program by itself"; fi
for rung in inthread thread protect; do
    for store in none memory disk; do
        run $rung $store 4
    done
    run $rung none 4 taskset 1
    run $rung none 16
done
if [ $skipped = 15 ]; then say "not ok" "no rung works here"; fi
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
