#!/bin/bash
# lens profile --use on small programs whose use of memory is known: the trace must say so. Shares only, no times: a busy
# machine shows fewer touches, not other ones.
#   tests/use.sh BUILD
set -u
build=$(cd "${1:-build}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
passed=0 failed=0 skipped=0

ok() { # name, status
    if [ "$2" = 0 ]; then
        passed=$((passed + 1)) && echo "ok $((passed + failed)) - $1"
    else
        failed=$((failed + 1)) && echo "not ok $((passed + failed)) - $1${3:+: $3}"
    fi
}

# The value behind a word in the line of all memory, or of the curve.
value() { awk -v key="$1" '$1 == "all" || $1 == "curve" { for (i = 2; i < NF; i++) if ($i == key) { print $(i + 1); exit } }' dump; }
# Faulted pages at a share of the memory.
faults() { awk -v share="$1" '$1 == "point" && $2 == share { print $3 }' dump; }
holds() { awk "BEGIN { exit !($1) }"; }

# Runs a kind with and without: the output must be the same; then `dump` is what the trace says.
watch() { # kind, rung, seconds
    timeout 60 "$build/tests/use/uses" "$1" 0.1 >plain.out 2>plain.err
    LENS_FAULT=$2 timeout 120 "$build/lens" profile --use -q -o "$1.trace" -- "$build/tests/use/uses" "$1" "$3" >lens.out 2>lens.err
    status=$?
    "$build/tests/tools/use_dump" "$1.trace" >dump 2>&1
}

# Conditions on values, each with its name. On a busy machine the sampler sees less in a second: the run is made longer until
# all of them hold, up to 32 times as long. What still does not hold then fails.
watch_until() { # kind, rung, [name, condition]...
    local kind=$1 rung=$2 seconds i good
    shift 2
    for seconds in 1.2 2.5 5 10 20 40; do
        watch "$kind" "$rung" $seconds
        good=1
        for ((i = 2; i <= $#; i += 2)); do eval "holds \"${!i}\"" || good=0; done
        [ $good = 1 ] && break
    done
    if [ "$kind" != churn ]; then # what it prints depends on the time
        cmp -s plain.out lens.out && [ "$status" = 0 ]
        ok "$kind, $rung: output and status are the program's" $? "status $status, $(head -c 200 lens.err)"
    fi
    while [ $# -gt 1 ]; do
        eval "holds \"$2\""
        ok "$kind, $rung: $1" $? "$(eval "echo \"$2\""), in $seconds s; $(grep '^all' dump)"
        shift 2
    done
}

kinds() { # rung
    watch_until loop "$1" "64 MB in use" '$(value filled) > 60e6 && $(value filled) < 72e6' \
        "half of it was never touched again" '$(value never_touched) > 0.42 && $(value never_touched) < 0.58' \
        "it was not written again" '$(value rewritten) <= 0.02' \
        "in sequence" '$(value sequential) > 0.75' \
        "more than the half that is used costs less than a quarter" '$(faults 0.700) <= 0.6 * $(faults 0.250)'
    watch_until rewrite "$1" "a quarter was written after it was filled" '$(value rewritten) > 0.15 && $(value rewritten) < 0.35' \
        "that much has to stay" '$(value stuck) > 10e6 && $(value stuck) < 24e6'
}

others() { # rung
    watch_until never "$1" "idle, never read" '$(value idle) > 0.85 && $(value never_read) > 0.95 && $(faults 0.100) == 0'
    # A touch at random finds its page with the probability that it is there.
    watch_until random "$1" "all of it, in no order" '$(value never_touched) < 0.1 && $(value sequential) < 0.35' \
        "half the memory, half the faults" '$(faults 0.500) > 0.35 * $(value uses) && $(faults 0.500) < 0.65 * $(value uses)'
    watch_until grow "$1" "one array, however often it moved" '$(value filled) > 60e6 && $(value filled) < 72e6 && $(value never_touched) < 0.1'
    watch_until kernel "$1" "what only the kernel reads is read" '$(value never_read) < 0.1 && $(value rewritten) <= 0.02'
    watch churn "$1" 1.2
    ok "churn, $1: status is the program's" "$status"
}

watch loop inthread 0.3
if grep -q 'no usage' dump; then
    echo "skip: memory cannot be watched here: $("$build/lens" profile --use -o other.trace -- true 2>&1)"
    skipped=1
else
    kinds inthread
    others inthread
    kinds protect
fi

timeout 20 "$build/lens" profile -o off.trace -- "$build/tests/use/uses" never 0.2 >/dev/null
"$build/tests/tools/use_dump" off.trace >dump 2>&1
grep -q 'no usage' dump
ok "without --use nothing is watched" $?
LENS_FAULT=off timeout 20 "$build/lens" profile --use -o off2.trace -- "$build/tests/use/uses" never 0.2 >/dev/null 2>off.err
[ "$(wc -l <off.err)" = 1 ] && grep -q 'not watched' off.err
ok "where it cannot be watched, one line says so" $? "$(cat off.err)"

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
