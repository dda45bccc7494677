#!/bin/bash
# Runs every test there is and closes with one line: N passed, N failed, N skipped.
#   tests/run.sh [--busy] BUILD [PART...]
# --busy: beside a process that never sleeps, for each processor but one. No verdict may depend on how busy the machine is.
# parts: rules units differential cli report suggest page top use io malloc catalogue harm direct openings profile fill backing security seccomp limits tight valgrind model inject chaos stress soak core programs shapes
set -u
hogs=()
end_hogs() { [ ${#hogs[@]} = 0 ] || kill "${hogs[@]}" 2>/dev/null; }
if [ "${1:-}" = --busy ]; then
    shift
    for ((i = 1; i < $(nproc) || i == 1; i++)); do
        (while :; do :; done) &
        hogs+=($!)
    done
fi
# What is given up and brought back must not depend on how fast that is; tests/harm.sh has the limit's own tests.
export LENS_SLOWDOWN_LIMIT=off
build=${1:-build}
shift || true
parts=${*:-rules units differential cli report suggest page top use io malloc catalogue harm direct openings profile fill backing security seccomp limits tight valgrind model inject chaos stress soak core programs shapes}
passed=0 failed=0 skipped=0
out=$(mktemp)
trap 'rm -f "$out"; end_hogs' EXIT

# Criterion's last line: "Synthesis: Tested: 8 | Passing: 8 | Failing: 0 | Crashing: 0"
unit() {
    timeout 600 "$1" >"$out" 2>&1
    status=$?
    line=$(grep -a 'Synthesis' "$out" | tail -n 1 | sed 's/\x1b\[[0-9;]*m//g')
    ok=$(sed -n 's/.*Passing: \([0-9]*\).*/\1/p' <<<"$line")
    bad=$(sed -n 's/.*Failing: \([0-9]*\) | Crashing: \([0-9]*\).*/\1 + \2/p' <<<"$line")
    bad=$((${bad:-0}))
    [ "$status" != 0 ] && [ "$bad" = 0 ] && bad=1
    passed=$((passed + ${ok:-0})) failed=$((failed + bad))
    grep -ai 'skip' "$out" | sed 's/^/    /' | head -n 20
    printf '%-28s %s passed, %s failed\n' "$(basename "$1")" "${ok:-0}" "$bad"
    [ "$bad" = 0 ] || sed 's/\x1b\[[0-9;]*m//g; s/^/    /' "$out" | tail -n 40
}

# A script that closes with "N passed, N failed[, N skipped]".
script() {
    name=$1
    shift
    timeout 1200 "$@" >"$out" 2>&1
    status=$?
    line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$out" | tail -n 1)
    ok=$(sed -n 's/^\([0-9]*\) passed.*/\1/p' <<<"$line")
    bad=$(sed -n 's/.* \([0-9]*\) failed.*/\1/p' <<<"$line")
    skip=$(sed -n 's/.* \([0-9]*\) skipped.*/\1/p' <<<"$line")
    if [ -z "$line" ] || { [ "$status" != 0 ] && [ "${bad:-0}" = 0 ]; }; then
        bad=$((${bad:-0} + 1))
        echo "    $name ended with status $status"
        tail -n 20 "$out" | sed 's/^/    /'
    fi
    passed=$((passed + ${ok:-0})) failed=$((failed + ${bad:-0})) skipped=$((skipped + ${skip:-0}))
    grep -aE '^not ok|^skip|# skip|^ok .*# SKIP' "$out" | head -n 60 | sed 's/^/    /'
    printf '%-28s %s passed, %s failed, %s skipped\n' "$name" "${ok:-0}" "${bad:-0}" "${skip:-0}"
}

for part in $parts; do
    case $part in
    rules) script rules tests/rules.sh "$build" ;;
    units) for test in "$build"/tests/unit/test_${UNITS:-}*; do [ -x "$test" ] && [ -f "$test" ] && case $test in *.d) ;; *) unit "$test" ;; esac done ;;
    differential) script differential tests/differential.sh "$build" --seconds 6 ;;
    report) script report tests/report.sh "$build" ;;
    suggest) script suggest tests/suggest.sh "$build" ;;
    page) script page tests/page.sh "$build" ;;
    top) script top tests/top.sh "$build" ;;
    cli) script cli tests/cli.sh "$build" ;;
    io) [ -x tests/io_table.sh ] && script io tests/io_table.sh "$build" ;;
    malloc) script malloc tests/malloc.sh "$build" ;;
    catalogue) [ -x tests/catalogue.sh ] && script catalogue tests/catalogue.sh "$build" ;;
    profile) script profile tests/profile.sh "$build" ;;
    fill) script fill tests/fill.sh "$build" ;;
    use) script use tests/use.sh "$build" ;;
    openings) script openings tests/openings.sh "$build" ;;
    harm) script harm tests/harm.sh "$build" ;;
    direct) script direct tests/direct.sh "$build" ;;
    tight) script tight tests/tight.sh "$build" ;;
    backing) script backing tests/backing.sh "$build" ;;
    security) script security tests/security.sh "$build" ;;
    limits) script limits tests/limits.sh "$build" ;;
    seccomp) script seccomp tests/seccomp.sh "$build" ;;
    valgrind) script valgrind tests/valgrind.sh "$build" ;;
    model) script model tests/model.sh "$build" ;;
    inject) script inject tests/inject.py "$build" ;;
    chaos) script chaos tests/chaos.sh "$build" quick ;;
    stress) [ -x tests/stress.sh ] && script stress tests/stress.sh "$build" 5 ;;
    core) script core tests/core.py "$build" ;;
    soak) script soak tests/soak.py --quick "$build" ;;
    shapes) script shapes tests/shapes.sh "$build" small ;;
    programs) [ -x tests/programs.sh ] && script programs tests/programs.sh "$build" small ;;
    *) echo "run.sh: no part named $part" >&2; exit 2 ;;
    esac
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" != 0 ]
