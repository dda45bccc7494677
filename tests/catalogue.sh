#!/bin/sh
# Every program of tests/catalogue, plainly, under `lens run` on every rung, and watched by `lens profile --use` where the kernel's own
# events are denied: output and exit status must agree.
# Usage: tests/catalogue.sh BUILD [RUNG...]      rungs: inthread thread protect watched (all of them if none is named)
# ONLY="name..." runs those programs only; VERBOSE=1 shows what a failing program said.
set -u
build=$(cd "${1:?usage: catalogue.sh BUILD [RUNG...]}" && pwd)
shift
[ $# -gt 0 ] || set -- inthread thread protect watched
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

cat >"$work/plan" <<'PLAN'
lens-plan 1

site "*" {
    min 64K
    file "*"
    lens verbatim
    extent read
}
PLAN
"$build/tests/catalogue/make_data" >"$work/data" || exit 1

result() { # ok|not ok, name, remark
    echo "$1 - $2${3:+ # $3}"
    if [ "$1" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# Runs a command with a time limit; leaves its output in $work/$1.out and its status in $status.
run() {
    name=$1
    shift
    (cd "$work" && exec timeout -k 2 120 "$@") >"$work/$name.out" 2>"$work/$name.err" </dev/null
    status=$?
} 2>/dev/null # the shell's own "Aborted"

field() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$work/stats" 2>/dev/null | head -1; }

# Programs that enter the kernel behind libc's back: the rungs that cannot serve that have said so.
is_left_alone() { grep -q '^lens: memory is left alone from here on' "$work/lens.err"; }

# The proof follows behind the program; on a busy machine it needs time. A run in which nothing became virtual is
# repeated with a longer pause after loading.
under_lens() { # program, rung
    for pause in 20 100 500 2000; do
        rm -f "$work/stats"
        run lens env CATALOGUE_PAUSE_MS=$pause "$build/lens" run --plan "$work/plan" --budget 64K --fault "$2" \
            --store none --stats "$work/stats" -- "$1" "$work/data"
        [ "$(field absent_pages_peak)" = 0 ] && ! is_left_alone || break
    done
    if [ "$status" != "$wanted" ] || ! cmp -s "$work/plain.out" "$work/lens.out"; then
        result "not ok" "$name_of $2" "status $status instead of $wanted; $(grep -v '^lens: saved' "$work/lens.err" | tail -1)"
        [ -z "${VERBOSE:-}" ] || sed 's/^/    /' "$work/lens.err"
    elif [ -s "$work/stats" ] && [ "$(field absent_pages_peak)" = 0 ] && ! is_left_alone; then
        result "not ok" "$name_of $2" "nothing was virtual: this run tested nothing"
    else
        result ok "$name_of $2"
    fi
}

watched() { # program
    rm -f "$work"/trace "$work"/trace.*
    run lens env LENS_INJECT=perf_event_open:1+:EACCES "$build/lens" profile --use -o trace -- "$1" "$work/data"
    if [ "$status" != "$wanted" ] || ! cmp -s "$work/plain.out" "$work/lens.out"; then
        result "not ok" "$name_of watched" "status $status instead of $wanted; $(tail -1 "$work/lens.err")"
    else
        result ok "$name_of watched"
    fi
}

for rung in "$@"; do
    [ "$rung" != watched ] || { rungs="${rungs:-} watched"; continue; }
    run probe "$build/lens" run --plan "$work/plan" --fault "$rung" --store none -- true
    if [ "$status" != 0 ] || grep -q "passing through" "$work/probe.err"; then
        echo "ok - $rung # skip: $(tail -1 "$work/probe.err")"
        skipped=$((skipped + 1))
    else
        rungs="${rungs:-} $rung"
    fi
done

for program in "$build"/tests/catalogue/*; do
    name_of=$(basename "$program")
    case $name_of in
    make_data | *.d) continue ;;
    esac
    [ -z "${ONLY:-}" ] || case " $ONLY " in *" $name_of "*) ;; *) continue ;; esac
    run plain "$program" "$work/data"
    wanted=$status
    if [ "$wanted" = 99 ] || [ "$wanted" = 124 ]; then
        result "not ok" "$name_of plain" "$(tail -1 "$work/plain.err")"
        continue
    fi
    for rung in ${rungs:-}; do
        if [ "$rung" = watched ]; then watched "$program"; else under_lens "$program" "$rung"; fi
    done
done
echo "$passed passed, $failed failed${skipped:+, $skipped rungs skipped}"
[ "$failed" = 0 ]
